"""What is known of one registered version, its lineage and what happened to it, for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from mlops_cli.reports.runs import value
from mlops_cli.schemas.versions import Event, VersionDetails

_SHORT = 12
"""Digits of a hash that tell it from others."""
_MOST_LABELS = 6


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
            *(short(word) or "-" for word in (event.version, _place(event), event.before)),
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


def _deployed(span: Mapping[str, Any]) -> str:
    """Where a version is deployed, and since when."""
    share = f" with {span['share']:.4g} of the requests" if span["share"] is not None else ""
    until = f"until {value(span['until'], 'started')}" if span["until"] else "until now"
    since = value(span["since"], "started")
    return f"{span['target']} {span['where']}{share} since {since}, {until}"


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


def short(word: str) -> str:
    """A version; the hash of a commit that has none, cut short."""
    return word[:_SHORT] if len(word) == 40 else word


def _pairs(pairs: Sequence[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, content in pairs:
        if content:
            table.add_row(Text(name, "dim"), Text(content))
    return table
