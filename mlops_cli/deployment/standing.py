"""Stage `deploy status`: what the record and what the targets say, side by side."""

from pathlib import Path

from mlops_cli.deployment.setting import Wanted, setting
from mlops_cli.errors import MlopsError, NotFoundError
from mlops_cli.registry import deployments
from mlops_cli.registry.deployments import Now
from mlops_cli.registry.reading import opened
from mlops_cli.schemas.deploy import Live, Standing, Standings


def run(root: Path, wanted: Wanted | None) -> Standings:
    """Looks at every deployment, or those of one target.

    Raises:
        NotFoundError: There is none.
        ConfigError: There is no such target.
    """
    target = wanted.target if wanted else None
    named = None
    if wanted is not None:
        ours = setting(root, wanted)  # A target that is none is told as such.
        if any(word.startswith("target.deployment=") for word in wanted.overrides):
            named = ours.config.deployment
    repository, _ = opened(root)
    entries = deployments.read(repository)
    found = []
    for one, name in deployments.places(entries):
        now = deployments.now(entries, one, name)
        if now.current is None or target not in (None, one) or named not in (None, name):
            continue
        words = [*now.current.settings, *(wanted.overrides if wanted else ())]
        found.append(_standing(root, Wanted(one, overrides=words), name, now))
    if not found:
        raise NotFoundError(
            "nothing is deployed"
            + (f" to {target}" if target else "")
            + (f" as {named}" if named else ""),
            hint=f"mlops deploy {target or 'compose'}",
        )
    return Standings(found)


def _standing(root: Path, wanted: Wanted, name: str, now: Now) -> Standing:
    assert now.current is not None
    live: Live | None = None
    said = ""
    try:
        ours = setting(root, wanted)
        live = ours.target.status(ours.place(name))
    except MlopsError as error:
        said = error.message
    agrees, why = _agrees(now, live)
    said = "; ".join(dict.fromkeys(word for word in (said, why, live.said if live else "") if word))
    return Standing(wanted.target, name, now.current, now.canary, live, agrees, said)


def _agrees(now: Now, live: Live | None) -> tuple[bool | None, str]:
    """Whether what is there is what was recorded, and what is not."""
    if live is None:
        return None, ""
    current = now.current
    assert current is not None
    gone = {"absent": "is not there", "stopped": "does not run"}.get(live.state)
    if gone is not None:
        return False, f"{current.called} {gone}"
    if live.digest is None:
        return None, ""
    if live.digest != current.bundle:
        return False, f"another bundle answers: {live.digest[:12]}, not {current.bundle[:12]}"
    if now.canary is not None and not live.asked:
        return None, ""
    if now.canary is not None and live.canary is None:
        return False, f"{now.canary.called} is not on trial any more"
    if live.canary is not None and (now.canary is None or live.canary.digest != now.canary.bundle):
        return False, f"another bundle is on trial: {str(live.canary.digest)[:12]}"
    return True, ""
