"""A look at a table: its text and label columns, named by the user or guessed."""

from collections import Counter
from itertools import islice
from pathlib import Path

from mlops_cli.data.guessing import Column, guess_from, sampled
from mlops_cli.data.likely_task import likely_task
from mlops_cli.data.tables import Table, guess_columns, missing_column, open_table
from mlops_cli.errors import DataError
from mlops_cli.schemas.scaffold import DataLook

_LOOKED_AT = 1000
_LONGEST_NAME = 60
PAIR_TASKS = ("text_pair_classification", "text_similarity")
"""Tasks of ours on two texts a row."""


def look_at(
    path: Path,
    text: str | None = None,
    label: str | None = None,
    text_pair: str | None = None,
    *,
    task: str | None = None,
) -> DataLook:
    """Looks at the first rows of a data file; columns that are not given are guessed.

    Args:
        path: The file.
        text: Column of the text.
        label: Column of the label.
        text_pair: Column of the second text of a pair; guessed only for a task on pairs.
        task: The task, where it is known.

    Raises:
        NotFoundError: There is no such file.
        DataError: It can't be read, lacks a column, or shows no text or label to guess.
    """
    table = open_table(path)
    guessed = tuple(part for part, given in (("text", text), ("label", label)) if given is None)
    likely = guess_columns(table) if guessed else (None, None)
    columns = {}
    for part, given, guess in zip(("text", "label"), (text, label), likely, strict=True):
        column = named_column(table, part, given) or guess
        if column is None:
            raise DataError(
                f"no column of {table.path} looks like the {part}",
                hint=f"--{part} COLUMN; columns: {', '.join(table.columns)}",
            )
        columns[part] = column
    if columns["text"] == columns["label"]:
        raise DataError(
            f"text and label are the same column, {columns['text']!r}",
            hint=f"--text COLUMN --label COLUMN; columns: {', '.join(table.columns)}",
        )
    pair = named_column(table, "text_pair", text_pair)
    if pair in columns.values():
        raise DataError(
            f"the second text is the same column as another, {pair!r}",
            hint=f"--text-pair COLUMN; columns: {', '.join(table.columns)}",
        )
    rows = [row for _, row in islice(table.rows(), _LOOKED_AT + 1)]
    if guessed:
        refuse_headless(table, sampled(table.columns, rows))
    labels = [row.get(columns["label"]) for row in rows]
    classes = Counter(label for label in labels[:_LOOKED_AT] if label)
    if pair is None and task in PAIR_TASKS:
        pair = _second_text(table, rows, columns)
        guessed += ("second text",)
    return DataLook(
        text=columns["text"],
        label=columns["label"],
        guessed=guessed,
        rows=min(len(labels), _LOOKED_AT),
        complete=len(labels) <= _LOOKED_AT,
        classes=[label for label, _ in classes.most_common()],
        text_pair=pair,
        task=task or likely_task([label for label in labels if label], pairs=pair is not None),
    )


def _second_text(table: Table, rows: list[dict[str, str | None]], columns: dict[str, str]) -> str:
    """The column after the text that looks like one, too."""
    rest = [name for name in table.columns if name not in columns.values()]
    likely = guess_from(sampled(rest, rows))[0]
    if likely is None:
        raise DataError(
            f"no column of {table.path} looks like the second text of a pair",
            hint=f"--text-pair COLUMN; columns: {', '.join(table.columns)}",
        )
    return likely.name


def named_column(table: Table, part: str, given: str | None) -> str | None:
    """The column that an option names; None where it names none.

    Args:
        table: The table.
        part: The option, with underscores: text, text_pair, label or target.
        given: What was typed.

    Raises:
        DataError: There is no such column; the hint has the nearest one.
    """
    if given is not None and given not in table.columns:
        error = missing_column(table, given, f"data.{part}")
        option = f"--{part.replace('_', '-')} "
        raise DataError(error.message, hint=error.hint.replace(f"data.{part}=", option))
    return given


def refuse_headless(table: Table, columns: list[Column]) -> None:
    """Raises DataError where the names of the columns are a row of values.

    Nobody who guesses columns would notice: a name is a value that its own column has again and
    again, or as long as a sentence.
    """
    if not table.has_header:
        return
    for column in columns:
        recurs = column.is_classes and column.values.count(column.name) > 1
        constant = column.distinct == 1 and column.name in column.values
        if recurs or constant or len(column.name) > _LONGEST_NAME:
            shown = column.name if len(column.name) <= 40 else column.name[:39] + "…"
            raise DataError(
                f"{table.path}: no line of names on top, for {shown!r} is a value",
                hint="name the columns: data.columns=[NAME,NAME,…], or put a line of names on top",
            )
