"""What `mlops data stats` returns: plain figures, ready for `--json`."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Histogram:
    """Rows by equally wide ranges.

    Attributes:
        edges: One more than there are ranges; numbers, or ISO dates for a column of dates. A
            range has its lower edge in it, the last one its upper edge too.
        counts: Rows of each range.
    """

    edges: list[float] | list[str]
    counts: list[int]


@dataclass(frozen=True)
class NumberStatistics:
    """A column of numbers.

    Attributes:
        minimum: The smallest value.
        maximum: The largest value.
        mean: Arithmetic mean.
        std: Standard deviation of the sample; None for fewer than two values.
        quantiles: Values by percent: 5, 25, 50, 75, 95.
        zeros: Rows whose value is 0.
        histogram: None where the values reach too far to be divided.
    """

    minimum: float
    maximum: float
    mean: float | None
    std: float | None
    quantiles: dict[str, float]
    zeros: int
    histogram: Histogram | None


@dataclass(frozen=True)
class ValueCount:
    """One value or word.

    Attributes:
        value: The value.
        count: Its rows, or how often the word occurs.
        share: Of the rows that have a value, or of all words.
    """

    value: str
    count: int
    share: float


@dataclass(frozen=True)
class ValueStatistics:
    """The values of a column that has few.

    Attributes:
        top: The most frequent ones of all parts together, in the same order in every part.
        rest: Rows with any other value.
    """

    top: list[ValueCount]
    rest: int


@dataclass(frozen=True)
class LengthStatistics:
    """How long texts are. From 1000 on, lengths are rounded to three digits.

    Attributes:
        mean: Arithmetic mean.
        quantiles: Lengths by percent: 5, 25, 50, 75, 95.
        longest: The greatest length.
        histogram: Texts by length.
    """

    mean: float
    quantiles: dict[str, float]
    longest: int
    histogram: Histogram | None


@dataclass(frozen=True)
class TextStatistics:
    """A column of free text.

    Attributes:
        characters: Lengths in characters.
        words: Lengths in words (what stands between white space); None for codes and for
            scripts that put no space between words.
        blank: Texts of white space alone, or of nothing.
        vocabulary: Different words, in small letters and without punctuation around them.
        frequent: The most frequent words of all parts together.
        sampled: How many texts, drawn at random, `vocabulary` and `frequent` are of; None where
            they are of all.
        longest: The beginning of the longest text.
        examples: The beginnings of some texts.
    """

    characters: LengthStatistics
    words: LengthStatistics | None
    blank: int
    vocabulary: int | None
    frequent: list[ValueCount]
    sampled: int | None
    longest: str
    examples: list[str]


@dataclass(frozen=True)
class DateStatistics:
    """A column of dates or moments.

    Attributes:
        earliest: In ISO form.
        latest: In ISO form.
        histogram: Rows over time.
    """

    earliest: str
    latest: str
    histogram: Histogram | None


@dataclass(frozen=True)
class ColumnStatistics:
    """One column of one part.

    Attributes:
        name: The column.
        kind: text, category, integer, number, boolean, date or timestamp.
        missing: Rows without a value.
        invalid: Rows whose value is not of the column's kind.
        distinct: Different values.
        approximate: Which of the figures are estimates: `distinct`, `quantiles`, `words`.
        numbers: For integers and numbers that have a value.
        values: For categories, booleans and integers of few values.
        text: For texts.
        dates: For dates and moments.
    """

    name: str
    kind: str
    missing: int
    invalid: int
    distinct: int
    approximate: list[str]
    numbers: NumberStatistics | None = None
    values: ValueStatistics | None = None
    text: TextStatistics | None = None
    dates: DateStatistics | None = None


@dataclass(frozen=True)
class PartStatistics:
    """One split, or one version.

    Attributes:
        name: What it is called beside the others.
        path: The file, as it was named.
        rows: Its rows.
        duplicates: Rows that repeat an earlier one in every column.
        columns: In the file's order.
    """

    name: str
    path: str
    rows: int
    duplicates: int
    columns: list[ColumnStatistics]


@dataclass(frozen=True)
class StatisticsResult:
    """What is in the data.

    Attributes:
        parts: The splits or versions, in order.
        label: The column of the labels; None where none is known.
        labels: The labels of all parts together.
        page: The HTML page, where one was asked for.
        seconds: Wall time.
    """

    parts: list[PartStatistics]
    label: str | None
    labels: ValueStatistics | None
    page: Path | None
    seconds: float
