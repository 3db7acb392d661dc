"""Which columns of a table hold the text and the label: names first, then content."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

_ROWS = 1000
_TEXT_NAMES = (
    "text", "sentence", "review", "document", "comment", "content", "question", "body",
    "message", "tweet", "utterance", "query", "sentence1", "premise", "post", "headline",
    "title", "description", "summary", "input", "prompt",
)  # fmt: skip
_LABEL_NAMES = (
    "label", "labels", "target", "class", "category", "sentiment", "stars", "intent", "topic",
    "polarity", "rating", "score", "tag", "y", "output", "gold",
)  # fmt: skip
_MOST_CLASSES = 50


@dataclass
class Column:
    """What some rows say of a column.

    Attributes:
        name: Its name.
        values: Its values in these rows; missing ones are left out.
    """

    name: str
    values: list[str] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The words of its name."""
        split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", self.name)
        return re.findall(r"[^\W_]+", split.casefold())

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return len(set(self.values))

    @property
    def mean_length(self) -> float:
        """Characters of a value, on average."""
        return sum(map(len, self.values)) / max(1, len(self.values))

    @property
    def is_prose(self) -> bool:
        """Most values are words, not numbers, dates or codes."""
        wordy = sum(sum(map(str.isalpha, value)) * 2 > len(value) for value in self.values)
        return wordy * 2 > len(self.values)

    @property
    def is_classes(self) -> bool:
        """Few distinct short values, each of which recurs."""
        return (
            2 <= self.distinct <= min(_MOST_CLASSES, len(self.values) // 2)
            and self.mean_length < 40
        )


def guess(
    columns: list[str], rows: Iterator[tuple[int, dict[str, str | None]]]
) -> tuple[str | None, str | None]:
    """The text column and the label column, each None when nothing fits.

    Args:
        columns: Names of the columns.
        rows: The table's rows; the first thousand are looked at.
    """
    text, label = guess_from(sampled(columns, (row for _, row in islice(rows, _ROWS))))
    return text.name if text else None, label.name if label else None


def sampled(columns: list[str], rows: Iterable[dict[str, str | None]]) -> list[Column]:
    """What these rows say of each column."""
    found = [Column(name) for name in columns]
    for row in rows:
        for column in found:
            value = row.get(column.name)
            if value is not None:
                column.values.append(value)
    return found


def guess_from(columns: list[Column]) -> tuple[Column | None, Column | None]:
    """The text column and the label column among these, each None when nothing fits."""
    text = _text(columns)
    return text, _label([column for column in columns if column is not text])


def is_named_label(column: Column) -> bool:
    """Whether a column is called what labels are called."""
    return _by_name([column], _LABEL_NAMES) is not None


def is_named_text(column: Column) -> bool:
    """Whether a column is called what texts are called."""
    return _by_name([column], _TEXT_NAMES) is not None


def _text(columns: list[Column]) -> Column | None:
    prose = [column for column in columns if column.is_prose]
    varied = [column for column in prose if not column.is_classes]
    named = _by_name(varied, _TEXT_NAMES) or _by_name(prose, _TEXT_NAMES)
    return named or max(varied, key=lambda found: found.mean_length * found.distinct, default=None)


def _label(columns: list[Column]) -> Column | None:
    usable = [column for column in columns if column.values and column.mean_length < 100]
    named = _by_name(usable, _LABEL_NAMES)
    return named or min(
        (column for column in usable if column.is_classes),
        key=lambda column: column.distinct,
        default=None,
    )


def _by_name(columns: Iterable[Column], names: tuple[str, ...]) -> Column | None:
    """The column with the best name: the whole name before one word of it."""
    ranks = {name: rank for rank, name in enumerate(names)}
    scored = []
    for position, column in enumerate(columns):
        whole = ranks.get("".join(column.words))
        ranked = [ranks[word] for word in column.words if word in ranks]
        if whole is not None:
            scored.append((0, whole, position, column))
        elif ranked:
            scored.append((1, min(ranked), position, column))
    return min(scored, key=lambda entry: entry[:3])[3] if scored else None
