"""What the passes found, put together column by column."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mlops_cli.data.statistics.figures import PERCENTS, Figures, TableFigures
from mlops_cli.data.statistics.groups import Groups
from mlops_cli.data.statistics.layout import Column
from mlops_cli.data.statistics.scales import Scale, quantiles, scale
from mlops_cli.data.statistics.words import Words
from mlops_cli.schemas.statistics import (
    ColumnStatistics,
    DateStatistics,
    LengthStatistics,
    NumberStatistics,
    PartStatistics,
    TextStatistics,
    ValueCount,
    ValueStatistics,
)

_TOP = 20
_FEW_INTEGERS = 20
"""Integers of no more different values are shown as categories too."""


@dataclass(frozen=True)
class Measured:
    """What the passes over one part found.

    Attributes:
        columns: Its columns.
        figures: Of the first passes.
        groups: Of the third pass, by column and by what is grouped.
        words: Of the last pass, by column.
        scales: The ranges of numbers and dates, by column.
    """

    columns: dict[str, Column]
    figures: TableFigures
    groups: Mapping[tuple[str, str], Groups]
    words: Mapping[str, Words]
    scales: Mapping[str, Scale]


def column(name: str, part: Measured, parts: Sequence[Measured]) -> ColumnStatistics:
    """A column of one part; the values and words shown are those of all parts together."""
    kind, table = part.columns[name].kind, part.figures
    found, values = table.columns[name], part.groups.get((name, "values"))
    distinct, approximate = found.distinct, [] if table.exact_distinct else ["distinct"]
    if values is not None:
        distinct, approximate = values.different, []
    statistics = ColumnStatistics(
        name,
        kind,
        table.rows - found.filled,
        found.filled - found.valid,
        distinct,
        approximate,
    )
    if kind in ("category", "boolean"):
        return replace(statistics, values=_values(name, found.valid, parts, part))
    if kind == "text":
        text = _text(name, part, parts)
        sampled = ["words"] if text and text.sampled is not None else []
        return replace(statistics, approximate=approximate + sampled, text=text)
    if kind in ("date", "timestamp"):
        return replace(statistics, dates=_dates(name, part))
    if not found.valid:
        return statistics
    if not table.exact_quantiles and not table.sparse(name) and values is None:
        approximate = [*approximate, "quantiles"]
    few = values is not None and all(_few(name, one) for one in parts if name in one.columns)
    return replace(
        statistics,
        approximate=approximate,
        numbers=_numbers(name, found, part),
        values=_values(name, found.valid, parts, part) if few else None,
    )


def overall(parts: Sequence[PartStatistics], label: str | None) -> ValueStatistics | None:
    """The labels of all parts together; None where no part has them."""
    found = [
        one.values for part in parts for one in part.columns if one.name == label and one.values
    ]
    if not found:
        return None
    counts: Counter[str] = Counter()
    for values in found:
        counts.update({one.value: one.count for one in values.top})
    rest = sum(values.rest for values in found)
    total = counts.total() + rest
    return ValueStatistics(_counts(counts, list(counts), total), rest)


def _few(name: str, part: Measured) -> bool:
    values = part.groups.get((name, "values"))
    return values is not None and values.different <= _FEW_INTEGERS


def _values(name: str, valid: int, parts: Sequence[Measured], part: Measured) -> ValueStatistics:
    together: Counter[str] = Counter()
    for one in parts:
        if (name, "values") in one.groups:
            together.update(one.groups[name, "values"].counts)
    counts = part.groups[name, "values"].counts
    top = _counts(counts, _most(together), valid)
    return ValueStatistics(top, valid - sum(one.count for one in top))


def _most(counts: Counter[str]) -> list[str]:
    """The most frequent ones, in an order that does not depend on that of the rows."""
    return sorted(counts, key=lambda value: (-counts[value], value))[:_TOP]


def _counts(counts: Mapping[str, int], shown: Sequence[str], total: int) -> list[ValueCount]:
    return [
        ValueCount(value, counts.get(value, 0), counts.get(value, 0) / max(1, total))
        for value in shown
    ]


def _numbers(name: str, found: Figures, part: Measured) -> NumberStatistics:
    more, values = found.more, part.groups.get((name, "values"))
    ranges = part.scales.get(name)
    shown = dict(zip(map(str, PERCENTS), more["quantiles"], strict=True))
    histogram = None
    if values is not None:
        shown = quantiles(values.numbers(), PERCENTS)
        histogram = ranges.of_values(values.numbers()) if ranges else None
    elif ranges:
        counts = part.groups[name, "ranges"].counts
        histogram = ranges.histogram({int(place): rows for place, rows in counts.items()})
    return NumberStatistics(
        minimum=more["minimum"],
        maximum=more["maximum"],
        mean=more["mean"],
        std=more["std"],
        quantiles=shown,
        zeros=more["zeros"],
        histogram=histogram,
    )


def _dates(name: str, part: Measured) -> DateStatistics | None:
    more, ranges = part.figures.columns[name].more, part.scales.get(name)
    if more["minimum"] is None:
        return None
    histogram = None
    if ranges:
        counts = part.groups[name, "ranges"].counts
        histogram = ranges.histogram({int(place): rows for place, rows in counts.items()})
    return DateStatistics(_iso(more["minimum"]), _iso(more["maximum"]), histogram)


def _iso(moment: object) -> str:
    return moment.isoformat(sep=" ") if isinstance(moment, datetime) else str(moment)


def _text(name: str, part: Measured, parts: Sequence[Measured]) -> TextStatistics | None:
    found, more = part.figures.columns[name], part.figures.columns[name].more
    if not found.valid:
        return None
    worded = part.words.get(name)
    together: Counter[str] = Counter()
    for one in parts:
        together.update(one.words[name].counts if name in one.words else {})
    return TextStatistics(
        characters=_lengths(name, "characters", part, parts, more["length"]),
        words=_lengths(name, "words", part, parts) if (name, "words") in part.groups else None,
        blank=more["blank"],
        vocabulary=worded.vocabulary if worded else None,
        frequent=_counts(worded.counts, _most(together), worded.total) if worded else [],
        sampled=worded.sampled if worded else None,
        longest=more["longest"],
        examples=list(part.columns[name].examples),
    )


def _lengths(
    name: str, unit: str, part: Measured, parts: Sequence[Measured], longest: int | None = None
) -> LengthStatistics:
    """Lengths in a unit, over ranges that all parts share."""
    key = (name, unit)
    numbers = part.groups[key].numbers()
    others = [one.groups[key].numbers() for one in parts if key in one.groups]
    shared = scale("integer", [(one[0][0], one[-1][0]) for one in others if one])
    return LengthStatistics(
        mean=sum(length * rows for length, rows in numbers) / sum(rows for _, rows in numbers),
        quantiles=quantiles(numbers, PERCENTS),
        longest=int(numbers[-1][0]) if longest is None else longest,
        histogram=shared.of_values(numbers) if shared else None,
    )
