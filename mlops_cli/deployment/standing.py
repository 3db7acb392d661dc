"""Stage `deploy status`: what the record and what the targets say, side by side."""

from pathlib import Path

from mlops_cli.deployment import begun
from mlops_cli.deployment.setting import Wanted, setting
from mlops_cli.errors import GateError, MlopsError, NotFoundError
from mlops_cli.registry import deployments
from mlops_cli.registry.deployments import Now
from mlops_cli.registry.reading import opened
from mlops_cli.schemas.deploy import Deployment, Live, Standing, Standings


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
    broken = {(one.target, one.name): one for one in begun.everywhere(root, entries)}
    found = []
    for one, name in sorted({*deployments.places(entries), *broken}):
        now, note = deployments.now(entries, one, name), broken.get((one, name))
        record = now.current or note
        if record is None or target not in (None, one) or named not in (None, name):
            continue
        words = [*record.settings, *(wanted.overrides if wanted else ())]
        found.append(_standing(root, Wanted(one, overrides=words), now, record, note))
    if not found:
        deployments.require_record(repository)
        raise NotFoundError(
            "nothing is deployed"
            + (f" to {target}" if target else "")
            + (f" as {named}" if named else ""),
            hint=f"mlops deploy {target or 'compose'}",
        )
    return Standings(found)


def require(found: Standings) -> None:
    """Refuses deployments that do not run, can't be looked at, or are not as recorded.

    One that runs and does not tell what it answers with, for want of a key, is let pass.

    Raises:
        GateError: One of them is so.
    """
    wrong = [
        one
        for one in found.deployments
        if one.agrees is False or one.live is None or one.live.state != "running"
    ]
    if wrong:
        first = wrong[0]
        raise GateError(
            f"{first.target} {first.name} is not as recorded: "
            + (first.said or (first.live.state if first.live else "it can't be asked")),
            hint=f"mlops deploy rollback {first.target}",
        )


def _standing(
    root: Path, wanted: Wanted, now: Now, record: Deployment, note: Deployment | None
) -> Standing:
    live: Live | None = None
    told = [_broken_off(note, now)] if note else []
    try:
        ours = setting(root, wanted)
        live = ours.target.status(ours.place(record.name))
    except MlopsError as error:
        told.append(error.message)
    agrees, why = _agrees(now, live)
    told += [why, live.said if live else ""]
    said = "; ".join(dict.fromkeys(word for word in told if word))
    return Standing(wanted.target, record.name, record, now.canary, live, agrees, said)


def _broken_off(note: Deployment, now: Now) -> str:
    """What is to be known of a deployment that was begun and never recorded."""
    said = f"a deployment of {note.called} was begun at {note.at} and broken off"
    typed = f"mlops deploy {note.target} {note.called}"
    if now.current is not None:
        return f"{said}: {typed} goes on, mlops deploy rollback {note.target} goes back"
    return f"{said}: {typed} goes on, mlops deploy destroy {note.target} takes it down"


def _agrees(now: Now, live: Live | None) -> tuple[bool | None, str]:
    """Whether what is there is what was recorded, and what is not."""
    current = now.current
    if current is None:
        return False, "it is not recorded"
    if live is None:
        return None, ""
    gone = {"absent": "is not there", "stopped": "does not run"}.get(live.state)
    if gone is not None:
        return False, f"{current.called} {gone}"
    if live.digest is None:
        return None, ""
    other = _other(now, current, live)
    if other or now.canary is None or live.asked:
        return not other, other
    return None, ""


def _other(now: Now, current: Deployment, live: Live) -> str:
    """What is there in place of what was recorded; empty where nothing is."""
    if live.digest != current.bundle:
        return f"another bundle answers: {str(live.digest)[:12]}, not {current.bundle[:12]}"
    if live.image and current.image_digest not in live.image:
        return f"another image runs: {live.image}, not {current.image_digest}"
    trial = live.canary
    if now.canary is not None and live.asked and trial is None:
        return f"{now.canary.called} is not on trial any more"
    if trial is not None and (now.canary is None or trial.digest != now.canary.bundle):
        return f"another bundle is on trial: {str(trial.digest)[:12]}"
    return ""
