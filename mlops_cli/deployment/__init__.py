"""Stages of `mlops deploy`: check, plan, deploy, canary, status, rollback, destroy.

Whatever can fail comes before the target changes anything; a target leaves the old state or the
new one (see `targets`); and what it has is recorded last, as an entry of the audit log. Who is
killed between the two types the command again: the target has nothing left to do, and it is
recorded then. What was begun is noted on this machine (see `begun`), so that it can also be seen,
gone back from, and taken down.
"""

from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path

from mlops_cli.deployment import begun, images, subjects
from mlops_cli.deployment.setting import Setting, Wanted, setting
from mlops_cli.deployment.subjects import Subject
from mlops_cli.errors import MissingDependencyError, MlopsError, NotFoundError, UsageError
from mlops_cli.lock import alone
from mlops_cli.registry import audit, deployments, names
from mlops_cli.registry.deployments import Now
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.deploy import Checked, Deployed, Deployment, Destroyed, Planned
from mlops_cli.targets import Order, Place, lay_out

__all__ = ["Wanted", "check", "destroy", "found", "plan", "rollback", "run"]


def check(root: Path, wanted: Wanted, reporter: Reporter) -> Checked:
    """What a deployment takes and would change; nothing is changed, and what is missing is listed.

    Raises:
        MlopsError: There is nothing to deploy.
    """
    ours = setting(root, wanted)
    subject = subjects.find(ours, reporter)
    place = ours.place(subject.name)
    changes = _changes(ours, subject, place)
    needs = [
        *subjects.needs(ours, subject), *images.needs(ours),
        *ours.target.check(place, wanted.share),
    ]  # fmt: skip
    return Checked(ours.name, subject.name, ours.target.where(place), needs, changes)


def plan(root: Path, wanted: Wanted, reporter: Reporter) -> Planned:
    """Writes the files that describe a deployment; nothing is built, and no target is asked.

    Raises:
        MlopsError: There is nothing to deploy.
    """
    ours = setting(root, wanted)
    subject = subjects.find(ours, reporter)
    place = ours.place(subject.name)
    _refuse_canary(ours, subject)
    image = images.planned(ours, subject, reporter) if ours.target.RUNS else None
    order = images.order(ours, subject, place, image)
    files = lay_out(place.folder, ours.target.files(order))
    return Planned(
        ours.name, subject.name, subject.called, subject.bundle.digest,
        ours.target.where(place), _changes(ours, subject, place), files,
    )  # fmt: skip


def run(root: Path, wanted: Wanted, reporter: Reporter) -> Deployed:
    """Deploys a bundle, or puts it on trial.

    Raises:
        GateError: It is not signed as it has to be, or something else answers in the end.
        MissingDependencyError: A tool, a credential or a permission is missing.
        MlopsError: The target can't have it; what was there before is there again.
    """
    ours = setting(root, wanted)
    subject = subjects.find(ours, reporter)
    _refuse_canary(ours, subject)
    return _deploy(ours, subject, reporter, action="deploy" if wanted.share is None else "canary")


def rollback(root: Path, wanted: Wanted, reporter: Reporter) -> Deployed:
    """Ends the trial of a canary; without one, deploys what was there before.

    Of several in a row, each goes one deployment further back.

    Raises:
        NotFoundError: Nothing was there before, or its bytes are nowhere.
        MlopsError: See `run`.
    """
    ours = setting(root, wanted)
    name = ours.only()
    now, there = ours.now(name), ours.there(name)
    if now.current is not None and now.canary is not None:
        return _withdraw(ours.again(now.current.settings), name, now, reporter)
    for action, before in _earlier(now, begun.read(ours.place(name), ours.entries)):
        if not subjects.usable(ours, before):
            continue
        # It goes back at the place where the present one is.
        where = [word for word in there.settings if word.startswith("target")]
        how = [word for word in before.settings if not word.startswith("target")]
        ours = ours.again([*how, *where])
        subject = subjects.recorded(ours, before, name, reporter)
        return _deploy(ours, subject, reporter, action=action, recorded=before)
    raise NotFoundError(
        f"nothing to roll back to: {name} on {ours.name} has {there.called}, and had"
        " nothing before that is in use",
        hint=f"another version: mlops deploy {ours.name} MODEL@VERSION",
    )


def _earlier(now: Now, note: Deployment | None) -> list[tuple[str, Deployment]]:
    """What can be gone back to, the newest first, each with what that is called in the record."""
    listed = [("revert", before) for before in reversed(now.before)]
    if note is None or now.current is None:
        return listed
    if note.action == "revert":
        # It was broken off on its way there, and goes on.
        known = [before.bundle for _, before in listed]
        return listed[known.index(note.bundle) if note.bundle in known else 0 :]
    # What was broken off may answer by now: before it, the newest that was recorded did.
    return [("deploy", now.current), *listed]


def found(root: Path, wanted: Wanted) -> Deployment:
    """The entry of the deployment that is meant.

    Raises:
        NotFoundError: There is none.
        UsageError: There are several.
    """
    ours = setting(root, wanted)
    return ours.there(ours.only())


def destroy(root: Path, wanted: Wanted, reporter: Reporter) -> Destroyed:
    """Takes a deployment down.

    Raises:
        NotFoundError: There is none.
        MlopsError: The target refuses.
    """
    ours = setting(root, wanted)
    name = ours.only()
    there = ours.there(name)
    ours = ours.again(there.settings)
    with _held(ours, name):
        removed = ours.target.destroy(ours.place(name), reporter)
        record = deployments.write(
            ours.repository, subjects.entry(there, "destroy", why=names.reason(wanted.message))
        )
        begun.forget(ours.place(name))
    return Destroyed(record, list(removed))


def _deploy(
    ours: Setting,
    subject: Subject,
    reporter: Reporter,
    *,
    action: str,
    recorded: Deployment | None = None,
) -> Deployed:
    """Deploys, and records it."""
    place = ours.place(subject.name)
    with _held(ours, subject.name):
        # Who held it until now may have deployed something.
        ours = replace(ours, entries=deployments.read(ours.repository))
        missing = [
            need
            for need in (
                *subjects.needs(ours, subject),
                *ours.target.check(place, ours.wanted.share if action == "canary" else None),
            )
            if not need.there
        ]
        if missing:
            raise MissingDependencyError(
                f"{missing[0].name}: {missing[0].said}"
                + (f" ({len(missing) - 1} more)" if missing[1:] else ""),
                hint=missing[0].hint,
            )
        now, where = ours.now(subject.name), ours.target.where(place)
        if now.current is not None and now.current.where != where and action != "canary":
            reporter.warn(f"it was at {now.current.where}, and goes to {where}")
        image, settings = (
            images.made(ours, subject, recorded, reporter) if ours.target.RUNS else (None, None)
        )
        order = images.order(ours, subject, place, image, settings, trial=action == "canary")
        before = now.current.called if now.current else ""
        made = subjects.made(ours, subject, order, where, action=action, before=before)
        with begun.noted(place, made, lambda: _as_recorded(ours, now, place)):
            done = ours.target.deploy(order, ours.target.files(order), reporter)
            changed = done.changed or _other(now, subject, order)
            record = now.current
            if changed or record is None:
                made = replace(made, where=done.live.where)
                record = deployments.write(ours.repository, made)
    return Deployed(record, done.live, changed)


def _as_recorded(ours: Setting, now: Now, place: Place) -> bool:
    """Whether a target that has refused has nothing that the record does not know."""
    if now.current is not None:
        return True
    with suppress(MlopsError):
        return ours.target.status(place).state == "absent"
    return False


def _withdraw(ours: Setting, name: str, now: Now, reporter: Reporter) -> Deployed:
    assert now.canary is not None
    with _held(ours, name):
        live = ours.target.withdraw(ours.place(name), reporter)
        why = names.reason(ours.wanted.message)
        record = deployments.write(ours.repository, subjects.entry(now.canary, "withdraw", why=why))
    return Deployed(record, live, changed=True)


def _held(ours: Setting, name: str) -> AbstractContextManager[None]:
    """Lets nobody else of this machine touch the deployment, and looks whether we may record it."""
    ours.repository.look()
    audit.require_writable(ours.repository)
    ours.repository.identity()
    folder = ours.place(name).state
    folder.mkdir(parents=True, exist_ok=True)
    return alone(folder, f"the deployment {name}")


def _other(now: Now, subject: Subject, order: Order) -> bool:
    """Whether the record does not know yet what is there."""
    current = now.current
    if current is None or now.canary is not None:
        return True
    digest = order.image.digest if order.image else ""
    return (current.bundle, current.image_digest) != (subject.bundle.digest, digest)


def _refuse_canary(ours: Setting, subject: Subject) -> None:
    if ours.wanted.share is None:
        return
    if not ours.target.CANARY:
        raise UsageError(f"{ours.name} has no share of requests to give", hint="leave out --canary")
    current = ours.now(subject.name).current
    if current is None:
        deployments.require_record(ours.repository)
        raise NotFoundError(
            f"nothing answers as {subject.name} on {ours.name} that a version could be on "
            "trial beside",
            hint="deploy it without --canary first",
        )
    if current.bundle == subject.bundle.digest:
        raise UsageError(
            f"{subject.called} is the very bundle that answers there", hint="another one"
        )


def _changes(ours: Setting, subject: Subject, place: Place) -> list[str]:
    """What a deployment would change, a sentence each."""
    now, where = ours.now(subject.name), ours.target.where(place)
    share = ours.wanted.share
    if now.current is None:
        return [f"{subject.called} would answer at {where}, where nothing is"]
    if share is not None:
        return [f"{subject.called} would get {share:.4g} of the requests of {now.current.called}"]
    changes = []
    if now.canary is not None:
        changes.append(f"the trial of {now.canary.called} would end")
    moved = f", and go from {now.current.where} to {where}" if now.current.where != where else ""
    if now.current.bundle != subject.bundle.digest:
        said = f"{subject.called} would take the place of {now.current.called}"
        return [*changes, said + (moved or f" at {where}")]
    if moved:
        return [*changes, f"{subject.called} would{moved.removeprefix(', and')}"]
    return [*changes, f"{subject.called} is what answers at {where}"]
