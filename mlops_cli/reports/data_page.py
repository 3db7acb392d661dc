"""The statistics of tables as a page: splits or versions side by side."""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from mlops_cli.reports import page, svg
from mlops_cli.reports.cells import figure
from mlops_cli.reports.statistics import headline
from mlops_cli.schemas.statistics import (
    ColumnStatistics,
    Histogram,
    PartStatistics,
    StatisticsResult,
    TextStatistics,
    ValueCount,
)

Found = list[tuple[str, ColumnStatistics]]
"""The columns of one name, each with the name of its part."""

_QUANTILES = ("5 %", "25 %", "50 %", "75 %", "95 %")
_NUMBERS = ("min", *_QUANTILES, "max", "mean", "std", "zeros")
_LENGTHS = ("mean", *_QUANTILES, "longest")


def write_statistics(result: StatisticsResult, path: Path) -> None:
    """Writes the statistics as one page without scripts or anything from elsewhere.

    Raises:
        MlopsError: The file can't be written there.
    """
    names = " and ".join(part.name for part in result.parts)
    parts = [
        f'<p class="dim">{escape(headline(result))}</p>',
        *sections(result.parts, result.label),
    ]
    page.write(path, f"Statistics of {names}", parts)


def sections(parts: Sequence[PartStatistics], label: str | None) -> list[str]:
    """An overview, the labels, and a card for each column."""
    columns: dict[str, Found] = {}
    for part in parts:
        for column in part.columns:
            columns.setdefault(column.name, []).append((part.name, column))
    # The labels are what a person looks for first.
    order = sorted(columns, key=lambda name: name != label)
    links = "".join(
        f'<a href="#column-{number}">{escape(name)}</a>' for number, name in enumerate(order)
    )
    cards = []
    for number, name in enumerate(order):
        found = columns[name]
        kinds = " / ".join(dict.fromkeys(column.kind for _, column in found))
        kind = f"label, {kinds}" if name == label else kinds
        cards.append(page.card(name, kind, f"column-{number}", _column(found)))
    estimates = any(column.approximate for part in parts for column in part.columns)
    note = '<p class="dim">≈ is an estimate; everything else is counted.</p>' if estimates else ""
    return [
        _overview(parts),
        page.legend([part.name for part in parts]),
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
    names = [name for name, _ in found]
    parts, plots = [_counts(found)], [""]
    numbers = [(name, column) for name, column in found if column.numbers]
    if numbers:
        parts.append(_number_table(numbers))
        plots.append(_histogram("Values", numbers, _of_values))
    valued = [(name, column.values.top) for name, column in found if column.values]
    if valued:
        plots.append(_shares("Most frequent values", valued))
    dated = [(name, column) for name, column in found if column.dates]
    if dated:
        rows = [(n, c.dates.earliest, c.dates.latest) for n, c in dated if c.dates]
        parts.append(page.table("From and to", ("", "earliest", "latest"), rows))
        plots.append(_histogram("Over time", dated, _of_dates))
    texts = [(name, column) for name, column in found if column.text]
    if texts:
        parts.append(_length_table(texts))
        plots += _text_plots(texts)
    parts += [_examples(name, column.text) for name, column in texts if column.text]
    tables = f"<div>{''.join(parts)}</div>"
    return [page.legend(names), f'<div class="plots">{tables}{"".join(plots)}</div>']


def _counts(found: Found) -> str:
    rows = []
    for name, column in found:
        about = "≈" if "distinct" in column.approximate else ""
        blank = f"{column.text.blank:,}" if column.text else "—"
        counts = (f"{column.missing:,}", f"{column.invalid:,}", blank)
        rows.append((name, *counts, f"{about}{column.distinct:,}"))
    return page.table("Rows", ("", "missing", "invalid", "blank", "distinct values"), rows)


def _number_table(found: Found) -> str:
    rows = []
    for name, column in found:
        if (one := column.numbers) is None:
            continue
        about = "≈" if "quantiles" in column.approximate else ""
        quantiles = (about + figure(value) for value in one.quantiles.values())
        moments = (figure(one.mean), figure(one.std), f"{one.zeros:,}")
        rows.append((name, figure(one.minimum), *quantiles, figure(one.maximum), *moments))
    return page.table("Values", ("", *_NUMBERS), rows)


def _length_table(found: Found) -> str:
    rows = []
    for name, column in found:
        if (one := column.text) is None:
            continue
        for unit, lengths in (("characters", one.characters), ("words", one.words)):
            if lengths:
                quantiles = (figure(value) for value in lengths.quantiles.values())
                known = unit == "words" and one.vocabulary is not None
                words = f"{one.vocabulary:,}" if known else "—"
                shown = (figure(lengths.mean), *quantiles, f"{lengths.longest:,}", words)
                rows.append((f"{name}, {unit}", *shown))
    return page.table("Lengths", ("", *_LENGTHS, "vocabulary"), rows)


def _text_plots(texts: Found) -> list[str]:
    plots = [
        _histogram("Characters", texts, _of_characters),
        _histogram("Words", texts, _of_words),
    ]
    words = [(name, column.text.frequent) for name, column in texts if column.text]
    if any(frequent for _, frequent in words):
        plots.append(_shares("Most frequent words", words))
    return plots


def _histogram(
    caption: str, found: Found, pick: Callable[[ColumnStatistics], Histogram | None]
) -> str:
    """A histogram over the ranges that the parts share; nothing where there is none."""
    series = [(name, one) for name, column in found if (one := pick(column)) is not None]
    if not series:
        return ""
    # Columns of one name and kind share their ranges; those of another kind are left out.
    edges = series[0][1].edges
    counts = [(name, one.counts) for name, one in series if one.edges == edges]
    shown = [edge if isinstance(edge, str) else figure(edge) for edge in edges]
    rows = [
        (f"{shown[place]} to {shown[place + 1]}", *(f"{part[place]:,}" for _, part in counts))
        for place in range(len(edges) - 1)
    ]
    alternative = page.table(caption, ("from and to", *(name for name, _ in counts)), rows)
    return page.figure(caption, svg.histogram(f"{caption}: histogram", shown, counts), alternative)


def _shares(caption: str, found: Sequence[tuple[str, list[ValueCount]]]) -> str:
    """Bars of the shares of values; all parts have the same values in the same order."""
    names = list(dict.fromkeys(one.value for _, values in found for one in values))
    counts = [(part, {one.value: one for one in values}) for part, values in found]
    series = [
        (part, [by[name].share if name in by else 0.0 for name in names]) for part, by in counts
    ]
    rows = [
        (
            name,
            *(
                f"{by[name].count:,} ({by[name].share:.2%})" if name in by else "0"
                for _, by in counts
            ),
        )
        for name in names
    ]
    alternative = page.table(caption, ("", *(part for part, _ in counts)), rows)
    return page.figure(caption, svg.bars(f"{caption}: shares", names, series), alternative)


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
