"""From wishes to the answers a template needs: choices, defaults, a look at the data."""

import re
from collections import Counter
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from mlops_cli import lookup
from mlops_cli.data.tables import Table, guess_columns, missing_column, open_table
from mlops_cli.errors import ConfigError, DataError, UsageError
from mlops_cli.schemas.scaffold import Answers, DataLook, Wishes
from mlops_cli.tracking.credentials import has_wandb_key

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_LOOKED_AT = 1000


def check_choice(group: str, value: str) -> str:
    """Returns `value` if the config group offers it.

    Raises:
        ConfigError: It doesn't; the hint names the nearest choice.
    """
    known = lookup.choices(group)
    if value in known:
        return value
    near = get_close_matches(value, known, n=1)
    hint = f"did you mean --{group} {near[0]}? " if near else ""
    raise ConfigError(f"no {group} {value!r}", hint=f"{hint}choices: {', '.join(known)}")


def check_name(value: str) -> str:
    """Returns `value` if it can name a project everywhere (W&B, registries, folders).

    Raises:
        UsageError: It can't.
    """
    if _NAME.fullmatch(value):
        return value
    likely = default_name(Path("/") / value)
    raise UsageError(
        f"{value!r} can't name a project",
        hint=f"letters, digits, dots, dashes and underscores, such as {likely}",
    )


def default_name(folder: Path) -> str:
    """A project name made from the folder's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name)[:100].strip("-._") or "my-project"


def default_tracker() -> str:
    """W&B when its credentials are there, else none."""
    return "wandb" if has_wandb_key() else "none"


def look_at(path: Path, text: str | None = None, label: str | None = None) -> DataLook:
    """Looks at the first rows of a data file; columns that are not given are guessed.

    Raises:
        NotFoundError: There is no such file.
        DataError: It can't be read, lacks a column, or shows no text or label to guess.
    """
    table = open_table(path)
    guessed = tuple(part for part, given in (("text", text), ("label", label)) if given is None)
    likely = guess_columns(table) if guessed else (None, None)
    columns = {
        part: _column(table, part, given, guess)
        for part, given, guess in zip(("text", "label"), (text, label), likely, strict=True)
    }
    if columns["text"] == columns["label"]:
        raise DataError(
            f"text and label are the same column, {columns['text']!r}",
            hint=f"--text COLUMN --label COLUMN; columns: {', '.join(table.columns)}",
        )
    labels = [row.get(columns["label"]) for _, row in islice(table.rows(), _LOOKED_AT + 1)]
    classes = Counter(label for label in labels[:_LOOKED_AT] if label)
    return DataLook(
        text=columns["text"],
        label=columns["label"],
        guessed=guessed,
        rows=min(len(labels), _LOOKED_AT),
        complete=len(labels) <= _LOOKED_AT,
        classes=[label for label, _ in classes.most_common()],
    )


def _column(table: Table, part: str, given: str | None, guess: str | None) -> str:
    if given is not None:
        if given not in table.columns:
            error = missing_column(table, given, f"data.{part}")
            raise DataError(error.message, hint=error.hint.replace(f"data.{part}=", f"--{part} "))
        return given
    if guess is None:
        raise DataError(
            f"no column of {table.path} looks like the {part}",
            hint=f"--{part} COLUMN; columns: {', '.join(table.columns)}",
        )
    return guess


def settle(wishes: Wishes, folder: Path, look: DataLook | None, *, dvc: bool) -> Answers:
    """The answers to the template's questions: wishes where there are any, else defaults.

    Args:
        wishes: What the user asked for.
        folder: Where the project will lie.
        look: What was found in the data file, if one was given.
        dvc: Whether DVC holds the data.

    Raises:
        ConfigError: A wish is no choice of its config group.
        UsageError: The name can't name a project, or columns were named without a file.
    """
    if wishes.data is None and (wishes.text or wishes.label):
        raise UsageError("--text and --label name columns of a file", hint="add --data FILE")
    return Answers(
        name=check_name(default_name(folder) if wishes.name is None else wishes.name),
        task=check_choice("task", wishes.task or "text_classification"),
        data_path=f"data/{wishes.data.name}" if wishes.data else "",
        text=look.text if look else "text",
        label=look.label if look else "label",
        model=check_choice("model", wishes.model or "tiny"),
        tracker=check_choice("tracker", wishes.tracker or default_tracker()),
        dvc=dvc,
    )
