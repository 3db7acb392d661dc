"""What a server is asked to serve: runs and folders, as typed and configured, to bundles.

Needs nothing of the server itself: the bytes are checked while that is imported.
"""

from collections.abc import Mapping
from pathlib import Path

from mlops_cli import bundle_lookup
from mlops_cli.errors import NotFoundError, UsageError
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import reading as readings
from mlops_cli.serving.plan import Plan, Wanted
from mlops_cli.serving.reading import Reading
from mlops_cli.serving.signatures import Trust

STATE = Path(".mlops", "serving", "state.json")
"""Where a project keeps what is served."""
_ONLY = "model"
"""Name of the model where there is only one."""


def begin(root: Path, bundle: Path | None, run: str | None) -> dict[Path, Reading]:
    """Begins to check the bytes of what most likely is to be served, before settings are read.

    Args:
        root: The project.
        bundle: A folder that was named.
        run: A run that was named.

    Returns:
        What is being checked by its folder, for `make`; nothing where that is not known yet.
    """
    if run is not None and "@" in run:
        return {}  # Brought from the registry first.
    try:
        folder = bundle_lookup.find(root, bundle, run).resolve()
    except NotFoundError:
        return {}  # Settings may name another one. If not, `make` tells.
    return {folder: readings.begin(folder)}


def make(
    root: Path,
    config: ServeConfig,
    bundle: Path | None,
    run: str | None,
    trust: Trust | None = None,
    *,
    begun: Mapping[Path, Reading] | None = None,
) -> Plan:
    """The plan of a server.

    Args:
        root: The project.
        config: Its settings.
        bundle: A folder that was named, to be served alone.
        run: A run that was named, to be served alone.
        trust: Whose signatures of bundles count; None: no signature is looked at.
        begun: What is being checked already; see `begin`.

    Raises:
        NotFoundError: There is no such run, or it has no bundle, or none has.
        UsageError: Several models are served, and a canary or shadow of which is not said.
    """
    named = bundle is not None or run is not None
    if config.models and not named:
        models = {name: bundle_lookup.called(root, words) for name, words in config.models.items()}
        wanted = {name: str(folder) for name, folder in models.items()}
    else:
        folder = next(iter(begun or ()), None)  # It was looked for already.
        models = {_ONLY: folder or bundle_lookup.find(root, bundle, run).resolve()}
        # The newest bundle is another one after each training: not a reason to leave what is
        # served.
        wanted = {_ONLY: str(models[_ONLY]) if named else ""}
    canary, canary_of = _beside(root, config.canary, models, "canary")
    shadow, shadow_of = _beside(root, config.shadow, models, "shadow")
    share = config.canary_share if canary else 0.0
    return Plan(
        wanted=Wanted(wanted, canary, share, shadow, canary_of, shadow_of),
        models=models,
        reading={
            folder: (begun or {}).get(folder) or readings.begin(folder)
            for folder in set(models.values())
        },
        state=Path(config.state) if config.state else root / STATE,
        find=lambda words: bundle_lookup.called(root, words),
        folders=[root, *(root / folder for folder in config.bundles)],
        trust=trust or Trust(),
    )


def _beside(
    root: Path, words: str | None, models: Mapping[str, Path], role: str
) -> tuple[str | None, str]:
    """The folder of a canary or shadow, and the model it goes beside; empty for the only one."""
    if not words:
        return None, ""
    model, colon, run = words.partition(":")
    if not colon or model not in models:
        model, run = "", words
    if not model and len(models) > 1:
        first = next(iter(models))
        raise UsageError(
            f"{len(models)} models are served, and serve.{role} does not say of which",
            hint=f"serve.{role}={first}:RUN; once they are served: mlops rollout {role} RUN "
            f"--model {first}",
        )
    return str(bundle_lookup.called(root, run)), model
