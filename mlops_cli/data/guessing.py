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
class _Column:
    """What the first rows say of a column."""

    name: str
    values: list[str] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", self.name)
        return re.findall(r"[^\W_]+", split.casefold())

    @property
    def distinct(self) -> int:
        return len(set(self.values))

    @property
    def mean_length(self) -> float:
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
    found = [_Column(name) for name in columns]
    for _, row in islice(rows, _ROWS):
        for column in found:
            value = row.get(column.name)
            if value is not None:
                column.values.append(value)
    text = _text(found)
    label = _label([column for column in found if column is not text])
    return text.name if text else None, label.name if label else None


def _text(columns: list[_Column]) -> _Column | None:
    prose = [column for column in columns if column.is_prose]
    varied = [column for column in prose if not column.is_classes]
    named = _by_name(varied, _TEXT_NAMES) or _by_name(prose, _TEXT_NAMES)
    return named or max(varied, key=lambda found: found.mean_length * found.distinct, default=None)


def _label(columns: list[_Column]) -> _Column | None:
    usable = [column for column in columns if column.values and column.mean_length < 100]
    named = _by_name(usable, _LABEL_NAMES)
    return named or min(
        (column for column in usable if column.is_classes),
        key=lambda column: column.distinct,
        default=None,
    )


def _by_name(columns: Iterable[_Column], names: tuple[str, ...]) -> _Column | None:
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
