"""What a table could be used for: the task that its columns fit."""

import json
import re
from collections.abc import Sequence

from mlops_cli.data.guessing import Column, guess_from, is_named_label, is_named_text
from mlops_cli.data.likely_task import have_several
from mlops_cli.schemas.adding import Kind

_PAIRS = (
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("text1", "text2"),
    ("text_a", "text_b"),
)
_IMAGE = re.compile(r".+\.(png|jpe?g|gif|bmp|webp|tiff?)", re.IGNORECASE)
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_CODE = re.compile(r"\s*[+-]?0\d")
_LEAST_WORDS = 3
_LEAST_LENGTH = 20
"""Words and characters that a value of a text column has on average, unless its name tells."""

_MOST_NUMBERS = 10
"""Whole numbers of more different values than these are figures, unless the name says label."""

_ROWS_PER_CLASS = 5
"""A named label of whole numbers has that many rows a class, or it holds figures."""

_IMAGES = (
    "images stay where they are: mlops train task=image_classification data=images data.path=FILE "
    "data.image=COLUMN reads the file that lists them, beside them"
)


def kind_of(
    columns: Sequence[Column],
    text: str | None = None,
    label: str | None = None,
    target: str | None = None,
    text_pair: str | None = None,
) -> Kind:
    """The task that a table fits, with its columns.

    Args:
        columns: What some rows, drawn from the whole table, say of each column.
        text: The text column, where the user named it.
        label: The label column, where the user named it.
        target: The column of numbers to predict, where the user named it.
        text_pair: The column of the second text, where the user named it.
    """
    by_name = {column.name: column for column in columns}
    if found := _tokens(columns):
        return Kind("token_classification", *found, ("text", "label"), trainable=True)
    given = target or label
    most = max((len(column.values) for column in columns), default=0)
    filled = [column for column in columns if len(column.values) * 2 >= most]
    likely_text, likely_label = guess_from([column for column in filled if column.name != given])
    guessed = []
    if text is None and likely_text is not None and _is_text(likely_text):
        text = likely_text.name
        guessed.append("text")
    # In a table of figures any column could be the one to predict.
    likely = likely_label is not None and (
        is_named_label(likely_label) or (text is not None and "id" not in likely_label.words)
    )
    if given is None and likely and likely_label is not None and likely_label.name != text:
        given = likely_label.name
        guessed.append("label")
    chosen = by_name[given] if given else None
    numbers = target is not None
    if chosen is not None and not numbers:
        numbers = is_numbers(chosen, named=label is not None)
    pair = text_pair or (_pair(columns, text) if text else None)
    task = _task(columns, text, pair, chosen, numbers=numbers)
    note = _note(task, given)
    return Kind(task, text, given, tuple(guessed), not note, note, pair)


def is_numbers(column: Column, *, named: bool = False) -> bool:
    """Whether a column holds figures rather than classes.

    Args:
        column: The column.
        named: The user called it the label: whole numbers are classes then.
    """
    numbers = [_number(value) for value in column.values]
    if not numbers or None in numbers:
        return False
    if any(number != int(number) for number in numbers if number is not None):
        return True
    if named:
        return False
    rare = column.distinct * _ROWS_PER_CLASS > len(column.values)
    return column.distinct > _MOST_NUMBERS and (rare or not is_named_label(column))


def _task(
    columns: Sequence[Column],
    text: str | None,
    pair: str | None,
    label: Column | None,
    *,
    numbers: bool,
) -> str:
    if any(_is_images(column) for column in columns):
        return "image_classification"
    kind = "tabular" if text is None else "text_pair" if pair else "text"
    if label is None:
        return kind
    if numbers:
        return "text_similarity" if pair else f"{kind}_regression"
    if kind == "text" and have_several(label.values):
        return "multi_label_classification"
    return f"{kind}_classification"


def _note(task: str, label: str | None) -> str:
    """What keeps `mlops train` from learning; empty where nothing does."""
    if task == "image_classification":
        return _IMAGES
    if label is not None:
        return ""
    named = "--label or --target" if task == "tabular" else "--label"
    return f"no column looks like the label: {named} COLUMN names it"


def _is_text(column: Column) -> bool:
    """Whether a column holds texts: its name says so, or most values are sentences."""
    if is_named_text(column) and not column.is_classes:
        return True
    words = sum(map(_words, column.values)) / max(1, len(column.values))
    varied = column.distinct * 2 > len(column.values)
    return varied and words >= _LEAST_WORDS and column.mean_length >= _LEAST_LENGTH


def _words(value: str) -> int:
    """How many words a value has, about: scripts without spaces have one in two characters."""
    return max(len(value.split()), len(_UNSPACED.findall(value)) // 2)


def _pair(columns: Sequence[Column], text: str) -> str | None:
    """The column of the second text, where texts come in pairs."""
    names = {column.name.casefold(): column.name for column in columns}
    for first, second in _PAIRS:
        if text.casefold() in (first, second) and first in names and second in names:
            return names[second if text.casefold() == first else first]
    return None


def _is_images(column: Column) -> bool:
    return bool(column.values) and all(_IMAGE.fullmatch(value) for value in column.values)


def _tokens(columns: Sequence[Column]) -> tuple[str, str] | None:
    """The columns of tokens and tags: lists of texts, equally long in every row."""
    lists = {column.name: _lists(column) for column in columns}
    found = [name for name, values in lists.items() if values]
    for first in found:
        for second in found:
            if first != second and lists[first] == lists[second]:
                # Tags recur more than tokens do.
                variety = {c.name: c.distinct for c in columns if c.name in (first, second)}
                tags = min(variety, key=lambda name: variety[name])
                return (second if tags == first else first), tags
    return None


def _lists(column: Column) -> list[int]:
    """The lengths of the lists that a column holds; empty where it holds anything else."""
    lengths = []
    for value in column.values:
        if not value.startswith("["):
            return []
        try:
            items = json.loads(value)
        except ValueError:
            return []
        if not all(isinstance(item, str) for item in items):
            return []
        lengths.append(len(items))
    return lengths


def _number(value: str) -> float | None:
    """The number that a value is; one that begins with 0 is a code."""
    try:
        number = float(value)
    except ValueError:
        return None
    return None if _CODE.match(value) or not abs(number) < 1e300 else number
