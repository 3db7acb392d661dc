"""What a server is asked to serve: runs and folders, as typed and configured, to bundles.

Needs nothing of the server itself: the bytes are checked while that is imported.
"""

from pathlib import Path

from mlops_cli import bundle_lookup
from mlops_cli.errors import UsageError
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.plan import Plan, Wanted
from mlops_cli.serving.signatures import Trust

STATE = Path(".mlops", "serving", "state.json")
"""Where a project keeps what is served."""
_ONLY = "model"
"""Name of the model where there is only one."""


def make(
    root: Path,
    config: ServeConfig,
    bundle: Path | None,
    run: str | None,
    trust: Trust | None = None,
) -> Plan:
    """The plan of a server.

    Args:
        root: The project.
        config: Its settings.
        bundle: A folder that was named, to be served alone.
        run: A run that was named, to be served alone.
        trust: Whose signatures of bundles count; None: no signature is looked at.

    Raises:
        NotFoundError: There is no such run, or it has no bundle, or none has.
        UsageError: Several models are served, and a canary or shadow of which is not said.
    """
    named = bundle is not None or run is not None
    if config.models and not named:
        models = {name: bundle_lookup.called(root, words) for name, words in config.models.items()}
        wanted = {name: str(folder) for name, folder in models.items()}
    else:
        models = {_ONLY: bundle_lookup.find(root, bundle, run).resolve()}
        # The newest bundle is another one after each training: not a reason to leave what is
        # served.
        wanted = {_ONLY: str(models[_ONLY]) if named else ""}
    if len(models) > 1 and (config.canary or config.shadow):
        role = "canary" if config.canary else "shadow"
        raise UsageError(
            f"{len(models)} models are served, and serve.{role} does not say of which",
            hint=f"once they are served: mlops rollout {role} RUN --model {next(iter(models))}",
        )
    canary, shadow = (
        str(bundle_lookup.called(root, words)) if words else None
        for words in (config.canary, config.shadow)
    )
    share = config.canary_share if canary else 0.0
    return Plan(
        wanted=Wanted(wanted, canary, share, shadow),
        models=models,
        reading={folder: bundles.begin_load(folder) for folder in set(models.values())},
        state=Path(config.state) if config.state else root / STATE,
        find=lambda words: bundle_lookup.called(root, words),
        folders=[root, *(root / folder for folder in config.bundles)],
        trust=trust or Trust(),
    )
