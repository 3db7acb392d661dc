"""Versions of models, their stages, history and lineage, for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from mlops_cli.reports.runs import value
from mlops_cli.schemas.verified import VerifyResult
from mlops_cli.schemas.versions import (
    Event,
    Model,
    ModelList,
    Placed,
    VersionDetails,
    VersionDifference,
)

_SHORT = 12
"""Digits of a hash that tell it from others."""
_MOST_LABELS = 6
_WIDEST = 40


def count(found: ModelList) -> str:
    """How many models and versions there are."""
    versions = sum(len(model.versions) for model in found.models)
    if not versions:
        return "No model is registered"
    named = "1 model" if len(found.models) == 1 else f"{len(found.models)} models"
    return f"{named}, {'1 version' if versions == 1 else f'{versions} versions'}"


def after_list(found: ModelList) -> str:
    """What a person types after a list."""
    if not found.models:
        return "mlops models register"
    return f"mlops models show {found.models[0].name}"


def models(found: ModelList) -> RenderableType:
    """A model a line."""
    stages = sorted({stage for model in found.models for stage in model.stages})
    table = _table("model", "highest", *stages, "versions", "registered")
    for model in found.models:
        newest = next((one for one in model.versions if not one.deprecated), None)
        table.add_row(
            Text(model.name + (" (deprecated)" if model.deprecated else "")),
            newest.version if newest else "-",
            *(Text(_short(model.stages.get(stage, "-"))) for stage in stages),
            _all(model),
            value(newest.registered, "started") if newest else "-",
        )
    return table


def headline(found: VersionDetails) -> str:
    """What the version is."""
    version, record = found.version, found.record
    state = f"in {', '.join(version.stages)}" if version.stages else "in no stage"
    state = "deprecated" if version.deprecated else state
    kind = record["signature"]["task"]
    return f"{version.model} {version.version}: {kind}, run {record['run']}, {state}"


def after_show(found: VersionDetails) -> str:
    """What a person types after a version."""
    if found.version.stages:
        return f"mlops serve {found.version.model}@{found.version.stages[0]}"
    if found.version.deprecated:
        return f"mlops models history {found.version.model}"
    return f"mlops models promote {found.version.name} staging"


def details(found: VersionDetails) -> RenderableType:
    """The facts of a version, its figures, and what happened to it."""
    record = found.record
    labels = record["signature"]["labels"]
    pairs = [
        ("registered", f"{value(found.version.registered, 'started')} by {found.version.by}"),
        ("why", found.version.why),
        ("code", _code(record)),
        ("inputs", ", ".join(f"{k} ({v})" for k, v in record["signature"]["inputs"].items())),
        ("labels", ", ".join(labels[:_MOST_LABELS]) + (", …" if labels[_MOST_LABELS:] else "")),
        (
            "bundle",
            f"{record['bundle']['digest'][:_SHORT]}, {len(record['bundle']['files'])} files",
        ),
        ("signed", _signed(record)),
        ("commit", found.version.commit[:_SHORT]),
        *(
            ("deployed", _deployed(span))
            for span in found.lineage["deployed"]
            if span["until"] is None
        ),
        *((name, value(figure)) for name, figure in record["metrics"].items()),
    ]
    return Group(_pairs(pairs), Text(), events(found.history))


def events(found: Sequence[Event]) -> RenderableType:
    """An event a line, and below it who it was and why: a reason is a sentence, and no cell."""
    heads = ("when", "what", "version", "stage or target", "before")
    rows = [
        (
            value(event.at, "started"), event.action,
            *(_short(word) or "-" for word in (event.version, _place(event), event.before)),
        )
        for event in found
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines: list[RenderableType] = [Text(_aligned(heads, widths), style="dim")]
    for event, row in zip(found, rows, strict=True):
        lines.append(Text(_aligned(row, widths)))
        who = event.by.partition(" <")[0]
        told = [f"{who}: {event.why}" if event.why else who, _origin(event)]
        lines += [Padding(Text(line), (0, 0, 0, 2), expand=False) for line in told if line]
    return Group(*lines)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(map(str.ljust, cells, widths)).rstrip()


def _origin(event: Event) -> str:
    """What a version was registered from; empty for what is no registration."""
    commit = f" at {event.commit[:_SHORT]}" if event.commit else ""
    return f"from {event.run}{commit}" if event.run else ""


def _place(event: Event) -> str:
    """The stage that an event is about, or the target."""
    return event.stage or event.where.partition(" ")[0]


def tree(found: VersionDetails) -> RenderableType:
    """Where a version comes from, from the version down to the data, and where it is used."""
    record, version = found.record, found.version
    root = Tree(Text(f"{version.name}  {', '.join(version.stages)}".rstrip()))
    if found.lineage["used"]:
        used = root.add(Text("in use, by its stages"))
        for span in found.lineage["used"]:
            until = f"until {value(span['until'], 'started')}" if span["until"] else "until now"
            used.add(Text(f"{span['stage']} since {value(span['since'], 'started')}, {until}"))
    if found.lineage["deployed"]:
        deployed = root.add(Text("deployed"))
        for span in found.lineage["deployed"]:
            deployed.add(Text(_deployed(span)))
    bundle = root.add(Text(f"bundle {record['bundle']['digest'][:_SHORT]}"))
    run = bundle.add(Text(f"run {record['run']}, seed {value(record.get('seed'))}"))
    run.add(Text(f"code {_code(record)}"))
    data = run.add(Text(f"data {value(record['data'].get('name'))}"))
    for split, digest in record["data"]["fingerprints"].items():
        data.add(Text(f"{split} {str(digest)[:_SHORT]}"))
    config = record["config"]
    run.add(Text(f"config {str(config['sha256'])[:_SHORT]}, model {value(config['model'])}"))
    environment = run.add(Text("environment"))
    for name, content in _few(record["environment"]):
        environment.add(Text(f"{name} {content}"))
    metrics = bundle.add(Text("metrics on validation"))
    for name, figure in record["metrics"].items():
        metrics.add(Text(f"{name} {value(figure)}"))
    return root


def placed(found: Placed, *, back: bool = False) -> str:
    """What happened to the stage."""
    name = f"{found.model} {found.version}"
    if not found.changed:
        return f"{name} is in {found.stage} already"
    before = f", where {found.before} was" if found.before else ""
    forced = ", though a gate failed" if found.forced else ""
    verb = "Rolled" if back else "Promoted"
    return f"{verb} {name} {'back ' if back else ''}to {found.stage}{before}{forced}"


def checks(found: Placed) -> RenderableType | None:
    """What each gate said, and how others learn of it."""
    if not found.changed:
        return None
    table = Table.grid(padding=(0, 2))
    for check in found.checks:
        mark = Text("✓", "green") if check.passed else Text("✗", "bold red")
        table.add_row(mark, Text(check.name), Text(check.said))
    return table


def after_placing(found: Placed) -> str:
    """What a person types next: others learn of it by a push."""
    if found.changed and found.remote:
        return f"git push --follow-tags {found.remote} mlops-registry"
    return f"mlops serve {found.model}@{found.stage}"


def whole(found: VerifyResult) -> str:
    """How many versions are whole."""
    if len(found.versions) == 1:
        return f"{found.versions[0].version} is whole"
    return f"All {len(found.versions)} versions are whole"


def verified(found: VerifyResult) -> RenderableType:
    """A version a line."""
    signed = any(one.signature for one in found.versions)
    table = _table("version", "status", "files", "bytes", *(["signed by"] if signed else []))
    for one in found.versions:
        by = [Text(one.signer or "-")] if signed else []
        table.add_row(Text(one.version), one.status, str(one.files), f"{one.bytes:,}", *by)
    return table


def plain(found: VerifyResult) -> str:
    """The same in lines of text."""
    return "\n".join(
        f"{one.version}: {one.status}" + (", signature refused" * (one.signature == "refused"))
        for one in found.versions
    )


def compared(found: VersionDifference) -> str:
    """How much two versions differ."""
    if found.same:
        return f"{found.before} and {found.after} are the same bytes"
    count = len(found.changes)
    things = "1 thing" if count == 1 else f"{count} things"
    return f"{found.before} and {found.after} differ in {things}"


def changes(found: VersionDifference) -> RenderableType:
    """A difference a line."""
    table = _table("", "", found.before, found.after)
    part = ""
    for change in found.changes:
        cells = (Text(_cut(value(one))) for one in (change.before, change.after))
        table.add_row(change.part if change.part != part else "", Text(change.name), *cells)
        part = change.part
    return table


def _deployed(span: Mapping[str, Any]) -> str:
    """Where a version is deployed, and since when."""
    share = f" with {span['share']:.4g} of the requests" if span["share"] is not None else ""
    until = f"until {value(span['until'], 'started')}" if span["until"] else "until now"
    since = value(span["since"], "started")
    return f"{span['target']} {span['where']}{share} since {since}, {until}"


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _signed(record: Mapping[str, Any]) -> str:
    """Who signed the bundle before it was registered; empty where nobody did."""
    found = record.get("signed")
    if not found:
        return ""
    by = f"{found['name']}, " if found["name"] else ""
    checked = "checked" if found["verified"] else "not checked: registry.trust was empty"
    return f"{by}{found['kind']} {found['fingerprint'][:16]} ({checked})"


def _few(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What of the environment is a word, not a list of packages."""
    return [(name, str(v)) for name, v in environment.items() if isinstance(v, str | int | float)]


def _code(record: Mapping[str, Any]) -> str:
    git = record.get("git") or {}
    if not git.get("commit"):
        return "at no commit"
    changed = " with uncommitted changes" if git.get("dirty_hash") else ""
    branch = f" on {git['branch']}" if git.get("branch") else ""
    return f"{git['commit'][:_SHORT]}{branch}{changed}"


def _all(model: Model) -> str:
    gone = sum(one.deprecated for one in model.versions)
    return f"{len(model.versions)}" + (f", {gone} deprecated" if gone else "")


def _short(word: str) -> str:
    """A version; the hash of a commit that has none, cut short."""
    return word[:_SHORT] if len(word) == 40 else word


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _pairs(pairs: Sequence[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, content in pairs:
        if content:
            table.add_row(Text(name, "dim"), Text(content))
    return table
