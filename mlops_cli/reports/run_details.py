"""One run, or several side by side, for people at a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlops_cli.reports.chart import Curve, braille_can_be_shown, draw
from mlops_cli.reports.runs import value
from mlops_cli.schemas.runs import Difference, Point, RunComparison, RunDetails

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST_CURVES = 3


def headline(found: RunDetails) -> str:
    """What the run is, and how it ended."""
    facts = found.facts
    model, data = facts.get("model", "?"), facts.get("data", {}).get("name", "?")
    kind = " of the pipeline" if found.pipeline else ""
    return f"Run {found.run}{kind}: {model} on {data}, {found.status}"


def next_step(found: RunDetails) -> str:
    """How a person goes on with the run."""
    if found.status in ("running", "failed"):
        return f"mlops runs show {found.run}" if found.status == "running" else "mlops train"
    if found.status != "finished":
        if "last.ckpt" in found.checkpoints:
            return f"mlops runs resume {found.run}"
        return f"mlops runs rerun {found.run}"
    if not found.evaluation:
        return f"mlops evaluate {found.run}"
    if found.bundle is None:
        return f"mlops export --onnx {found.run}"
    return f"mlops predict --run {found.run}"


def shown(found: RunDetails, *, width: int) -> RenderableType:
    """Facts, settings, metrics, curves and files of a run."""
    parts: list[RenderableType] = [_pairs(_facts(found))]
    if found.settings:
        pairs = [(s.key, f"{value(s.value)}  (default {value(s.default)})") for s in found.settings]
        parts += [_title("settings that are not the default"), _pairs(pairs)]
    metrics = _metrics(found)
    if metrics is not None:
        parts += [_title("metrics"), metrics]
    parts += charts(
        {name: [points] for name, points in found.curves.items()},
        [""],
        str(found.facts.get("monitor", "")),
        width=width,
    )
    return Group(*parts, _title("files"), _pairs(_files(found)))


def charts(
    curves: Mapping[str, Sequence[Sequence[Point]]],
    names: Sequence[str],
    monitor: str,
    *,
    width: int,
) -> list[RenderableType]:
    """The monitored metric and the losses over the steps, as far as they were recorded.

    Args:
        curves: By metric, the points of each run.
        names: What each run is called.
        monitor: The monitored metric.
        width: Characters of a line.
    """
    wanted = [name for name in (f"val/{monitor}", "train/loss", "val/loss") if name in curves]
    found: list[RenderableType] = []
    for name in wanted[:_MOST_CURVES]:
        lines = [Curve(run, points) for run, points in zip(names, curves[name], strict=True)]
        chart = draw(name, lines, width=min(width, 100), braille=braille_can_be_shown())
        if chart is not None:
            found += [Text(), chart]
    return found


def compared(found: RunComparison, *, everything: bool, width: int) -> RenderableType:
    """Several runs side by side.

    Args:
        found: The runs.
        everything: Show also what is the same.
        width: Characters of a line.
    """
    letters = [_letter(place) for place in range(len(found.runs))]
    legend = [
        (letter, f"{run}  {status}")
        for letter, run, status in zip(letters, found.runs, found.statuses, strict=True)
    ]
    parts: list[RenderableType] = [_pairs(legend)]
    sections = (
        ("code, data, environment", found.facts),
        ("settings", found.settings),
        ("metrics", found.metrics),
    )
    for title, rows in sections:
        kept = [row for row in rows if everything or not row.same]
        same = len(rows) - len(kept)
        said = f"{title} ({same} the same)" if same else title
        parts += [_title(said if kept else f"{title}: all {len(rows)} the same")]
        if kept:
            parts.append(_side_by_side(letters, kept, found.best))
    parts += charts(found.curves, letters, found.monitor, width=width)
    return Group(*parts)


def difference_lines(rows: Sequence[Difference]) -> list[tuple[str, str]]:
    """Each name with its values, from the first run to the last."""
    return [(row.name, " -> ".join(_cell(row.name, one) for one in row.values)) for row in rows]


def _side_by_side(
    letters: Sequence[str], rows: Sequence[Difference], best: Mapping[str, int]
) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 2))
    table.add_column("")
    for letter in letters:
        table.add_column(letter, overflow="fold")
    for row in rows:
        cells = [
            _cell(row.name, one) + ("*" if best.get(row.name) == place else "")
            for place, one in enumerate(row.values)
        ]
        table.add_row(Text(row.name, style="dim"), *(Text(cell) for cell in cells))
    return table


def _cell(name: str, content: Any) -> str:
    text = value(content, name)
    # Hashes that differ do so in the first few digits.
    is_hash = len(text) >= 40 and all(digit in "0123456789abcdef" for digit in text)
    return text[:12] if is_hash else text


def _facts(found: RunDetails) -> list[tuple[str, str]]:
    facts, git = found.facts, found.facts.get("git") or {}
    environment = facts.get("environment", {})
    code = "not under git"
    if git.get("commit"):
        kept = (found.path / "git.diff").is_file()
        changes = "changes kept in git.diff" if kept else "uncommitted changes, not kept"
        code = git["commit"][:12] + (f" on {git['branch']}" if git.get("branch") else "")
        code += f", {changes}" if git.get("dirty_hash") else ""
    packages = environment.get("packages", {})
    where = [environment.get("cpu"), *environment.get("gpus", [])]
    pairs = [
        ("started", value(facts.get("started"), "started")),
        ("took", f"{facts['seconds']:.1f} s" if "seconds" in facts else "-"),
        ("epochs", value(facts.get("epochs"))),
        ("typed", " ".join(found.overrides) or "nothing"),
        ("code", code),
        ("machine", ", ".join(str(one) for one in where if one) or "-"),
        ("torch", value(packages.get("torch"))),
        ("precision", value(facts.get("precision"))),
        ("made again from", value(facts.get("rerun_of"))),
        ("error", value(facts.get("error"))),
    ]
    return [(name, text) for name, text in pairs if text != "-"]


def _metrics(found: RunDetails) -> Table | None:
    """A metric a line: at the best checkpoint, and on every split that was evaluated."""
    training = {
        name.removeprefix("val/"): number for name, number in found.facts.get("metrics", {}).items()
    }
    columns: dict[str, Mapping[str, Any]] = {"best checkpoint": training, **found.evaluation}
    names = dict.fromkeys(name for column in columns.values() for name in column)
    if not names:
        return None
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 2))
    table.add_column("")
    for heading in columns:
        table.add_column(heading, justify="right")
    for name in names:
        style = "bold" if name == found.facts.get("monitor") else "dim"
        cells = (value(column.get(name)) for column in columns.values())
        table.add_row(Text(name, style=style), *cells)
    return table


def _files(found: RunDetails) -> list[tuple[str, str]]:
    sizes = [*found.checkpoints.items(), *((f"model/{n}", s) for n, s in found.model.items())]
    return [
        ("folder", f"{found.path}  ({found.megabytes:.1f} MB)"),
        *((name, f"{size / 2**20:.2f} MB") for name, size in sizes),
        ("bundle", str(found.bundle) if found.bundle else "none"),
    ]


def _letter(place: int) -> str:
    return _LETTERS[place] if place < len(_LETTERS) else str(place + 1)


def _title(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _pairs(pairs: Sequence[tuple[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, text in pairs:
        table.add_row(Text(name), Text(text))
    return table
