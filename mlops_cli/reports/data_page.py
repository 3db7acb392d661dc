"""The statistics of tables as a page: splits or versions side by side."""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from mlops_cli.reports import difference, page, svg
from mlops_cli.reports.cells import figure
from mlops_cli.reports.statistics import ESTIMATES, headline, vocabulary
from mlops_cli.schemas.difference import DifferenceResult
from mlops_cli.schemas.statistics import (
    ColumnStatistics,
    Histogram,
    PartStatistics,
    StatisticsResult,
    TextStatistics,
    ValueCount,
)

Found = list[tuple[int, str, ColumnStatistics]]
"""The columns of one name, each with the number and the name of its part."""

_QUANTILES = ("5 %", "25 %", "50 %", "75 %", "95 %")
_NUMBERS = ("min", *_QUANTILES, "max", "mean", "std", "zeros")
_LENGTHS = ("mean", *_QUANTILES, "longest")


def write_statistics(result: StatisticsResult, path: Path) -> None:
    """Writes the statistics as one page without scripts or anything from elsewhere.

    Raises:
        PlaceError: The file can't be written there.
    """
    names = " and ".join(part.name for part in result.parts)
    summary = f'<p class="dim">{escape(headline(result))}</p>'
    parts = [summary, _labels(result), *sections(result.parts, result.label)]
    page.write(path, f"Statistics of {names}", parts)


def write_difference(result: DifferenceResult, path: Path) -> None:
    """Writes a comparison of two versions as one such page.

    Raises:
        PlaceError: The file can't be written there.
    """
    summary = f'<p class="dim">{escape(difference.headline(result))}</p>'
    parts = [summary, _differences(result)]
    if result.statistics:
        parts += sections(result.statistics, result.label)
    page.write(path, f"From {result.before} to {result.after}", parts)


def _differences(result: DifferenceResult) -> str:
    rows, changed = result.rows, result.rows.changed
    counts = (rows.before, rows.after, rows.unchanged, rows.added, rows.removed)
    shown = [*(f"{count:,}" for count in counts), "—" if changed is None else f"{changed:,}"]
    by = ", ".join(result.key) or "whole rows"
    headings = ("", "before", "after", "unchanged", "added", "removed", "changed", "relabelled")
    line = ("rows", *shown, f"{rows.relabelled:,}")
    found = [page.table(f"Matched by {by}", headings, [line], words=0)]
    if result.columns:
        names = [(difference.change(one),) for one in result.columns]
        found.append(page.table("Columns", ("changed columns",), names))
    if result.changed_columns:
        values = [
            (one.name, f"{one.rows:,}", "; ".join(f"{old} → {new}" for old, new in one.examples))
            for one in result.changed_columns
        ]
        found.append(page.table("Values", ("column", "rows", "for example"), values, words=3))
    if result.transitions:
        moves = [(str(t.before), str(t.after), f"{t.rows:,}") for t in result.transitions]
        found.append(page.table("Relabelled", ("before", "after", "rows"), moves, words=2))
    examples = result.examples
    found.append(_some("added", examples.added))
    found.append(_some("removed", examples.removed))
    found.append(_some("relabelled", examples.relabelled))
    return page.card("Differences", "", "differences", found)


def _some(name: str, rows: Sequence[dict[str, str | None]]) -> str:
    if not rows:
        return ""
    columns = list(rows[0])
    lines = [tuple(row[column] or "" for column in columns) for row in rows]
    table = page.table(f"Some rows {name}", columns, lines, words=len(columns))
    return f"<details><summary>Some rows {name}</summary>{table}</details>"


def _labels(result: StatisticsResult) -> str:
    """The labels of all parts together."""
    if result.labels is None or len(result.parts) < 2:
        return ""
    rows = [(one.value, f"{one.count:,}", f"{one.share:.2%}") for one in result.labels.top]
    if result.labels.rest:
        rows.append(("any other", f"{result.labels.rest:,}", ""))
    return page.table("Labels of all parts", (result.label or "", "rows", "share"), rows)


def sections(parts: Sequence[PartStatistics], label: str | None) -> list[str]:
    """An overview, the labels, and a card for each column."""
    columns: dict[str, Found] = {}
    for number, part in enumerate(parts):
        for column in part.columns:
            columns.setdefault(column.name, []).append((number, part.name, column))
    # The labels are what a person looks for first.
    order = sorted(columns, key=lambda name: name != label)
    links = "".join(
        f'<a href="#column-{number}">{escape(name)}</a>' for number, name in enumerate(order)
    )
    cards = []
    for number, name in enumerate(order):
        found = columns[name]
        kinds = " / ".join(dict.fromkeys(column.kind for _, _, column in found))
        kind = f"label, {kinds}" if name == label else kinds
        cards.append(page.card(name, kind, f"column-{number}", _column(found)))
    estimates = any(column.approximate for part in parts for column in part.columns)
    note = f'<p class="dim">{ESTIMATES}.</p>' if estimates else ""
    return [
        _overview(parts),
        page.legend([(number, part.name) for number, part in enumerate(parts)]),
        f"<h2>Columns</h2><nav aria-label='columns'>{links}</nav>{note}",
        *cards,
    ]


def _overview(parts: Sequence[PartStatistics]) -> str:
    rows = []
    for part in parts:
        cells = max(1, part.rows * len(part.columns))
        missing = sum(column.missing for column in part.columns)
        invalid = sum(column.invalid for column in part.columns)
        shown = (f"{part.rows:,}", f"{part.duplicates:,}", str(len(part.columns)))
        rows.append((part.name, part.path, *shown, f"{missing / cells:.2%}", f"{invalid:,}"))
    headings = ("", "file", "rows", "duplicates", "columns", "missing values", "invalid values")
    return page.table("Overview", headings, rows, words=2)


def _column(found: Found) -> list[str]:
    tables = [_counts(found)]
    plots = [_histogram("Values", found, _of_values)]
    if any(column.numbers for _, _, column in found):
        tables.append(_number_table(found))
    plots.append(_shares("Most frequent values", found, _most_frequent))
    dates = [(name, column.dates) for _, name, column in found if column.dates]
    if dates:
        rows = [(name, one.earliest, one.latest) for name, one in dates]
        tables.append(page.table("From and to", ("", "earliest", "latest"), rows))
    plots.append(_histogram("Over time", found, _of_dates))
    if any(column.text for _, _, column in found):
        tables.append(_length_table(found))
    plots.append(_histogram("Characters", found, _of_characters))
    plots.append(_histogram("Words", found, _of_words))
    sampled = [one.text.sampled for _, _, one in found if one.text and one.text.sampled is not None]
    of = f" of {' and '.join(f'{texts:,}' for texts in sampled)} random texts" if sampled else ""
    plots.append(_shares(f"Most frequent words{of}", found, _frequent_words))
    tables += [_examples(name, column.text) for _, name, column in found if column.text]
    marks = page.legend([(number, name) for number, name, _ in found])
    return [marks, f'<div class="plots"><div>{"".join(tables)}</div>{"".join(plots)}</div>']


def _counts(found: Found) -> str:
    rows = []
    for _, name, column in found:
        about = "≈" if "distinct" in column.approximate else ""
        blank = f"{column.text.blank:,}" if column.text else "—"
        counts = (f"{column.missing:,}", f"{column.invalid:,}", blank)
        rows.append((name, *counts, f"{about}{column.distinct:,}"))
    return page.table("Rows", ("", "missing", "invalid", "blank", "distinct values"), rows)


def _number_table(found: Found) -> str:
    rows = []
    for _, name, column in found:
        if (one := column.numbers) is None:
            continue
        about = "≈" if "quantiles" in column.approximate else ""
        quantiles = (about + figure(value) for value in one.quantiles.values())
        moments = (figure(one.mean), figure(one.std), f"{one.zeros:,}")
        rows.append((name, figure(one.minimum), *quantiles, figure(one.maximum), *moments))
    return page.table("Values", ("", *_NUMBERS), rows)


def _length_table(found: Found) -> str:
    rows = []
    for _, name, column in found:
        if (one := column.text) is None:
            continue
        for unit, lengths in (("characters", one.characters), ("words", one.words)):
            if lengths:
                quantiles = (figure(value) for value in lengths.quantiles.values())
                known = unit == "words" and one.vocabulary is not None
                words = vocabulary(one) if known else "—"
                shown = (figure(lengths.mean), *quantiles, f"{lengths.longest:,}", words)
                rows.append((f"{name}, {unit}", *shown))
    return page.table("Lengths", ("", *_LENGTHS, "vocabulary"), rows)


def _histogram(
    caption: str, found: Found, pick: Callable[[ColumnStatistics], Histogram | None]
) -> str:
    """A histogram over the ranges that the parts share; nothing where there is none."""
    picked = [(number, name, pick(column)) for number, name, column in found]
    edges = next((one.edges for _, _, one in picked if one is not None), None)
    if edges is None:
        return ""
    # Columns of one name and kind share their ranges; those of another kind are left out.
    series = [
        (number, name, one.counts)
        for number, name, one in picked
        if one is not None and one.edges == edges
    ]
    shown = [edge if isinstance(edge, str) else figure(edge) for edge in edges]
    rows = [
        (f"{shown[place]} to {shown[place + 1]}", *(f"{part[place]:,}" for _, _, part in series))
        for place in range(len(edges) - 1)
    ]
    alternative = page.table(caption, ("from and to", *(name for _, name, _ in series)), rows)
    return page.figure(caption, svg.histogram(f"{caption}: histogram", shown, series), alternative)


def _shares(
    caption: str, found: Found, pick: Callable[[ColumnStatistics], list[ValueCount]]
) -> str:
    """Bars of the shares of values; nothing where there is none."""
    parts = [
        (number, name, {one.value: one for one in pick(column)}) for number, name, column in found
    ]
    parts = [part for part in parts if part[2]]
    names = list(dict.fromkeys(value for _, _, values in parts for value in values))
    if not names:
        return ""
    nothing = ValueCount("", 0, 0.0)
    series = [
        (number, part, [by.get(name, nothing).share for name in names])
        for number, part, by in parts
    ]
    rows = [(name, *(_share(by.get(name, nothing)) for _, _, by in parts)) for name in names]
    alternative = page.table(caption, ("", *(part for _, part, _ in parts)), rows)
    return page.figure(caption, svg.bars(f"{caption}: shares", names, series), alternative)


def _share(one: ValueCount) -> str:
    return f"{one.count:,} ({one.share:.2%})"


def _examples(name: str, text: TextStatistics) -> str:
    quotes = "".join(f"<blockquote>{escape(example)}</blockquote>" for example in text.examples)
    longest = f"<p class='dim'>Longest</p><blockquote>{escape(text.longest)}</blockquote>"
    return f"<details><summary>Examples of {escape(name)}</summary>{quotes}{longest}</details>"


def _of_values(column: ColumnStatistics) -> Histogram | None:
    return column.numbers.histogram if column.numbers else None


def _of_dates(column: ColumnStatistics) -> Histogram | None:
    return column.dates.histogram if column.dates else None


def _of_characters(column: ColumnStatistics) -> Histogram | None:
    return column.text.characters.histogram if column.text else None


def _of_words(column: ColumnStatistics) -> Histogram | None:
    return column.text.words.histogram if column.text and column.text.words else None


def _most_frequent(column: ColumnStatistics) -> list[ValueCount]:
    return column.values.top if column.values else []


def _frequent_words(column: ColumnStatistics) -> list[ValueCount]:
    return column.text.frequent if column.text else []
