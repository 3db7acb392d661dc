"""Deployments for people: what was done, what is where, what is missing."""

from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlops_cli import wording
from mlops_cli.reports.runs import value
from mlops_cli.schemas.deploy import (
    Checked,
    Deployed,
    Deployment,
    Destroyed,
    Live,
    Planned,
    Standing,
    Standings,
)

_SHORT = 12
"""Digits of a hash that tell it from others."""


def checked(found: Checked) -> str:
    """Whether all is there."""
    missing = sum(not need.there for need in found.needs)
    state = (
        f"{missing} of {wording.counted(len(found.needs), 'thing')} missing"
        if missing
        else "all is there"
    )
    return f"Checked {found.target} for {found.name}: {state}"


def needs(found: Checked) -> RenderableType:
    """A need a line, and what would change."""
    table = Table.grid(padding=(0, 2))
    for need in found.needs:
        mark = Text("✓", "green") if need.there else Text("✗", "bold red")
        hint = f"; {need.hint}" if need.hint else ""
        table.add_row(mark, Text(need.name), Text(need.said + hint))
    return Group(table, *(Text(change) for change in found.changes))


def planned(found: Planned) -> str:
    """What would be deployed."""
    return f"Planned {found.model} for {found.target} ({found.name}); nothing was changed there"


def files(found: Planned, root: Path) -> str:
    """What would change, and the files that were written."""
    listed = [path.relative_to(root) if path.is_relative_to(root) else path for path in found.files]
    return "\n".join([*found.changes, *(f"  {path}" for path in listed)])


def deployed(found: Deployed) -> str:
    """What was done, in one sentence."""
    record = found.record
    place = f"{record.target} ({record.name})"
    if not found.changed:
        return f"{record.called} is what {place} has already"
    if record.action == "canary":
        return f"Put {record.called} on trial on {place}, with {record.share:.4g} of the requests"
    if record.action == "withdraw":
        return f"Ended the trial of {record.called} on {place}"
    if record.action == "revert":
        return f"Went back to {record.called} on {place}, from {record.before}"
    before = f", where {record.before} was" if record.before else ""
    return f"Deployed {record.called} to {place}{before}"


def facts(found: Deployed) -> str:
    """Where it is, and what proves that it is the one."""
    record, live = found.record, found.live
    lines = [f"where   {live.where}, {live.state}"]
    if live.digest:
        lines.append(f"bundle  {live.digest[:_SHORT]}, as the target says")
    if live.image:
        lines.append(f"image   {_image(record, live)}")
    if live.canary:
        lines.append(f"canary  {live.canary.share:.4g} of the requests; {live.canary.said}")
    if live.said:
        lines.append(live.said)
    if found.changed:
        lines.append(f"record  {record.entry[:_SHORT]} of the audit log")
    lines += [f"file    {path}" for path in found.files]
    return "\n".join(lines)


def after_deploy(found: Deployed) -> str:
    """What a person types after a deployment."""
    if found.record.action == "canary":
        return f"mlops deploy status {found.record.target}"
    address = found.live.where.rpartition(" ")[2]
    if address.startswith("http") and found.record.target == "compose":
        return f"curl {address}/readyz"
    return f"mlops deploy status {found.record.target}"


def counted(found: Standings) -> str:
    """How many deployments there are, and whether they are as recorded."""
    count = len(found.deployments)
    wrong = sum(one.agrees is False for one in found.deployments)
    named = wording.counted(count, "deployment")
    return f"{named}, {wrong} not as recorded" if wrong else named


def standings(found: Standings) -> RenderableType:
    """A deployment a block: what the record says, and what the target says."""
    blocks: list[RenderableType] = []
    for one in found.deployments:
        table = Table.grid(padding=(0, 2))
        for name, content in _pairs(one):
            if content:
                table.add_row(Text(name, "dim"), Text(content, overflow="fold"))
        blocks += [Text(f"{one.target} {one.name}", style="bold"), table]
    return Group(*blocks)


def after_status(found: Standings) -> str:
    """What a person types after a look at the deployments."""
    first = next((one for one in found.deployments if one.agrees is False), found.deployments[0])
    if first.canary is not None and first.agrees:
        return f"mlops deploy {first.target} {first.canary.called}"
    if first.agrees is False:
        return f"mlops deploy {first.target} {first.record.called}"
    if first.canary is not None or first.record.before not in ("", first.record.called):
        return f"mlops deploy rollback {first.target}"
    return f"mlops deploy check {first.target}"


def destroyed(found: Destroyed) -> str:
    """What was taken down."""
    record = found.record
    return f"Took {record.before} down from {record.target} ({record.name})"


def _pairs(one: Standing) -> list[tuple[str, str]]:
    record, live, canary = one.record, one.live, one.canary
    marks = {True: "as recorded", False: "NOT as recorded", None: "not known"}
    trial = ""
    if canary is not None:
        how = f"; {live.canary.said}" if live and live.canary else ""
        trial = f"{canary.called} with {canary.share:.4g} of the requests{how}"
    return [
        ("version", _made(record)),
        ("bundle", record.bundle[:_SHORT]),
        ("image", _image(record, live)),
        ("where", live.where if live else record.where),
        ("state", f"{live.state}, {marks[one.agrees]}" if live else "can't be asked"),
        ("canary", trial),
        ("before", record.before),
        ("why", record.why),
        ("said", one.said),
    ]


def _image(record: Deployment, live: Live | None) -> str:
    """What people call the image, and what the target does; of a trial, what answers beside it."""
    if live is None or not live.image:
        return record.image
    known = [record.image] if record.image_digest in live.image else []
    return ", ".join(dict.fromkeys([*known, live.image]))


def _made(record: Deployment) -> str:
    return f"{record.called} since {value(record.at, 'started')} by {record.by}"
