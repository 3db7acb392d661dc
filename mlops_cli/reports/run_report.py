"""A run for people who decide about it: as Markdown, which GitHub shows, and as a page."""

import math
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from mlops_cli.reports import page, slices, svg
from mlops_cli.reports.markdown import table as table_of
from mlops_cli.reports.runs import value
from mlops_cli.schemas.report import Figure, Report
from mlops_cli.schemas.runs import Point

_POINTS = 40
"""Points of a curve that are drawn."""
_CURVES = 3
_MOST_SETTINGS = 40
_BETTER = {True: "better", False: "worse", None: ""}
_SIGNS = {True: "🟢", False: "🔴", None: ""}

Table = tuple[str, Sequence[str], list[list[str]]]
"""What it shows, its headings, its rows."""


def headline(report: Report) -> str:
    """The run in one sentence: its main metric, and how that compares."""
    said = f"{report.run}, {report.status}"
    figure = _main(report)
    if figure is None:
        return said
    said += f": {figure.split} {figure.name} {value(figure.value)}"
    if figure.other is None:
        return said
    if figure.better is None:
        return f"{said}, as {report.compared} has"
    change = (figure.value or 0.0) - figure.other
    return f"{said}, {_BETTER[figure.better]} than {report.compared} ({change:+.4g})"


def markdown(report: Report) -> str:
    """The report in GitHub's Markdown."""
    parts = [f"## Run {_md(report.run)}", _md(headline(report)), *map(_md, _warnings(report))]
    parts += [_md_table(table) for table in _tables(report, signs=True)]
    drawn = _drawn(report)
    if drawn:
        inside = "\n\n".join(_mermaid(name, points) for name, points in drawn)
        parts.append(f"<details><summary>Curves</summary>\n\n{inside}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def write_html(report: Report, path: Path) -> None:
    """Writes the report as one page without scripts or anything from elsewhere.

    Raises:
        PlaceError: The file can't be written there.
    """
    parts = [f"<p>{escape(headline(report))}</p>"]
    parts += [f'<p class="dim">{escape(one)}</p>' for one in _warnings(report)]
    for caption, headings, rows in _tables(report, signs=False):
        table = page.table(caption, headings, rows, words=2)
        parts.append(page.card(caption, "", _anchor(caption), [table]))
    plots = [
        page.figure(name, svg.line(name, [(p.step, p.value) for p in points]), _as_table(points))
        for name, points in _drawn(report)
    ]
    if plots:
        inside = f'<div class="plots">{"".join(plots)}</div>'
        parts.append(page.card("Curves", "", "curves", [inside]))
    page.write(path, f"Run {report.run}", parts)


def _anchor(caption: str) -> str:
    """The name of a section in an address."""
    return caption.split(" (", maxsplit=1)[0].lower().replace(" ", "-")


def _main(report: Report) -> Figure | None:
    """The monitored metric, of the split that both have, and of the test rows before others."""
    named = [one for one in report.figures if one.name == report.monitor]
    both = [one for one in named if one.other is not None]
    return next(iter(both or named), None)


def _warnings(report: Report) -> list[str]:
    other = [split for split, same in report.same_data.items() if not same]
    if not other:
        return []
    return [
        f"Not the same rows: the {' and '.join(other)} data of {report.compared} was another, so "
        "their figures can't be set side by side without care."
    ]


def _tables(report: Report, *, signs: bool) -> Iterable[Table]:
    marks = _SIGNS if signs else _BETTER
    other = report.compared
    yield "Facts", ("", "value"), [[name, text] for name, text in report.facts.items()]
    headings = ["split", "metric", "this run", *([other, "change", ""] if other else [])]
    if report.figures:
        yield "Metrics", headings, [_figure(one, other, marks) for one in report.figures]
    for split, told in report.slices.items():
        yield slices.title(told, split), *slices.table(told)
    if report.gates:
        rows = [
            [one.split, one.condition, value(one.value), "passed" if one.passed else "failed"]
            for one in report.gates
        ]
        yield "Gates", ("split", "condition", "value", ""), rows
    if report.settings:
        shown = [
            [one.name, value(one.values[0]), value(one.values[1])]
            for one in report.settings[:_MOST_SETTINGS]
        ]
        left = len(report.settings) - len(shown)
        more = f" ({left} more: mlops report --json)" if left else ""
        against = other or "default"
        yield f"Settings that differ{more}", ("setting", "this run", against), shown
    if report.parity:
        rows = [[name.replace("_", " "), _told(one)] for name, one in report.parity.items()]
        yield "Export, compared with PyTorch", ("", "value"), rows


def _figure(one: Figure, other: str | None, marks: dict[bool | None, str]) -> list[str]:
    cells = [one.split, one.name, value(one.value)]
    if other:
        known = one.value is not None and one.other is not None
        change = f"{(one.value or 0.0) - (one.other or 0.0):+.4g}" if known else "-"
        cells += [value(one.other), change, marks[one.better]]
    return cells


def _told(content: object) -> str:
    if isinstance(content, dict):
        return ", ".join(f"{key.replace('_', ' ')} {value(one)}" for key, one in content.items())
    return value(content)


def _drawn(report: Report) -> list[tuple[str, list[Point]]]:
    """The curves worth drawing, thinned out."""
    wanted = (f"val/{report.monitor}", "train/loss", "val/loss")
    found = [(name, report.curves[name]) for name in wanted if len(report.curves.get(name, ())) > 1]
    thin = []
    for name, points in found[:_CURVES]:
        every = math.ceil(len(points) / _POINTS)
        thin.append((name, points[::-1][::every][::-1]))  # The last point is always there.
    return thin


def _as_table(points: Sequence[Point]) -> str:
    rows = [[str(point.step), value(point.value)] for point in points]
    return page.table("", ("step", "value"), rows, words=0)


def _md_table(table: Table) -> str:
    caption, headings, rows = table
    cells = [[_md(cell) for cell in row] for row in rows]
    return f"### {_md(caption)}\n\n{table_of([_md(one) for one in headings], cells)}"


def _md(text: str) -> str:
    """Text that Markdown leaves as it is."""
    plain = " ".join(text.split()).replace("\\", "\\\\")
    for sign in "`*_[]":
        plain = plain.replace(sign, f"\\{sign}")
    return escape(plain, quote=False)


def _mermaid(name: str, points: Sequence[Point]) -> str:
    values = [point.value for point in points]
    low, high = min(values), max(values)
    room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    steps = ", ".join(f'"{point.step}"' for point in points)
    line = ", ".join(f"{one:.5g}" for one in values)
    return (
        f'```mermaid\nxychart-beta\n  title "{name}"\n  x-axis "step" [{steps}]\n'
        f"  y-axis {low - room:.5g} --> {high + room:.5g}\n  line [{line}]\n```"
    )
