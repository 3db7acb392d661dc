"""The questions `mlops init` asks on a terminal, each with a default and asked again when wrong."""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import typer

from mlops_cli.errors import Interrupted, MlopsError
from mlops_cli.output import Output
from mlops_cli.project import from_home
from mlops_cli.schemas.scaffold import Wishes

_T = TypeVar("_T")


def interactive(quiet: bool) -> bool:
    """Whether there is a person to ask, at a terminal, who wants to be asked."""
    return not quiet and sys.stdin.isatty() and sys.stderr.isatty()


def wishes_by_asking(wishes: Wishes, folder: Path, out: Output) -> Wishes:
    """Asks for everything that was not given on the command line.

    Raises:
        Interrupted: The user left.
    """
    try:
        return _asked(wishes, folder, out)
    except typer.Abort as error:
        raise Interrupted("nothing was made") from error


def _asked(wishes: Wishes, folder: Path, out: Output) -> Wishes:
    from mlops_cli.data import looking
    from mlops_cli.scaffold import answers

    name = wishes.name or _ask("Project name", answers.default_name(folder), answers.check_name)
    data, text, label = wishes.data, wishes.text, wishes.label
    likely = "text_classification"
    if data is None:
        data = _ask("Data file (empty: built-in sentences)", "", _checked_file)
    if data is not None and (text is None or label is None):
        look = looking.look_at(data, text, label, wishes.text_pair, task=wishes.task)
        out.info(f"  {look.summary}")
        text = text or _ask(
            "Text column", look.text, lambda c: looking.look_at(data, c, label).text
        )
        label = label or _ask(
            "Label column", look.label, lambda c: looking.look_at(data, text, c).label
        )
    if data is not None:
        columns = text, label, wishes.text_pair
        likely = looking.look_at(data, *columns).task
    return dataclasses.replace(
        wishes,
        name=name,
        data=data,
        text=text,
        label=label,
        task=wishes.task or _choose("Task", "task", likely),
        model=wishes.model or _choose("Model", "model", "tiny"),
        tracker=wishes.tracker or _choose("Tracker", "tracker", answers.default_tracker()),
    )


def _checked_file(words: str) -> Path | None:
    """The data file that was typed, if it can be read and shows a text and a label."""
    from mlops_cli.data.tables import open_table

    if not words.strip():
        return None
    path = from_home(words.strip())
    open_table(path)
    return path


def _choose(question: str, group: str, default: str) -> str:
    """One choice of a config group; not asked where there is only one."""
    from mlops_cli import lookup
    from mlops_cli.scaffold import answers

    known = lookup.choices(group)
    if len(known) == 1:
        return known[0]
    return _ask(
        f"{question} ({', '.join(known)})",
        default,
        lambda value: answers.check_choice(group, value),
    )


def _ask(question: str, default: str, check: Callable[[str], _T]) -> _T:
    """Asks on stderr until `check` takes the answer."""

    def checked(value: str) -> _T:
        try:
            return check(value)
        except MlopsError as error:
            raise typer.BadParameter(
                f"{error.message}. {error.hint}" if error.hint else error.message
            ) from error

    answer: _T = typer.prompt(
        question, default=default, value_proc=checked, err=True, show_default=bool(default)
    )
    return answer
