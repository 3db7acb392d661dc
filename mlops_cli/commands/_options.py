"""Options and arguments that several commands share."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.completion import (
    complete_override,
    complete_remote,
    complete_run_or_override,
)
from mlops_cli.errors import UsageError

if TYPE_CHECKING:
    from mlops_cli.schemas.config import Config
    from mlops_cli.tracking.record import Run

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and errors.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE...",
        help="Settings over the config tree, in Hydra's grammar.",
        autocompletion=complete_override,
        show_default=False,
    ),
]
RunAndOverrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN KEY=VALUE...",
        help="A run (id, its beginning, latest, best, best:METRIC), then settings.",
        autocompletion=complete_run_or_override,
        show_default=False,
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET...",
        help="Files, folders, .dvc files or stages; everything by default.",
        show_default=False,
    ),
]
RemoteName = Annotated[
    str | None,
    typer.Option(
        "--remote",
        "-r",
        metavar="NAME",
        help="The remote to use.",
        autocompletion=complete_remote,
        show_default="the default one",
    ),
]

TextColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column that holds the text; guessed by default."),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column that holds the label; guessed by default."),
]
Params = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Be a stage of the pipeline, with the settings of this file: see mlops repro.",
        show_default=False,
    ),
]


def _page(path: Path | None) -> Path | None:
    """Refuses to write a page where data may lie."""
    if path is not None and path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{path} is no name of a page", hint="end it in .html")
    return path


Html = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.html",
        help="Write the report as a page.",
        callback=_page,
        show_default=False,
    ),
]


def epilog(*examples: str) -> str:
    """The examples below a command's help."""
    # The first line tells the formatter to keep the lines as they are.
    return "\n".join(("\b", "Examples:", *(f"  {example}" for example in examples)))


def refuse_beside_params(typed: Mapping[str, object]) -> None:
    """Refuses what was typed beside `--params`, given by how it is typed.

    Raises:
        UsageError: Something was.
    """
    for name, value in typed.items():
        if value:
            raise UsageError(
                f"--params takes every setting from its file, and goes with no {name}",
                hint="leave out one or the other",
            )


def load_run(root: Path, words: list[str] | None) -> tuple["Run", "Config", list[str]]:
    """The run that the first word names, its config, and the overrides that are in it.

    Raises:
        MlopsError: See `finding.find` and `config.load_for_run`.
    """
    from mlops_cli import config
    from mlops_cli.tracking import finding

    reference, overrides = split_run(words)
    found = finding.find(root, reference)
    return found, config.load_for_run(found.config_text(), overrides, root=root), overrides


def split_run(words: list[str] | None, default: str = "latest") -> tuple[str, list[str]]:
    """Tells the run reference (the first word without `=`) from the overrides."""
    words = words or []
    if words and "=" not in words[0] and not words[0].startswith("~"):
        return words[0], words[1:]
    return default, words


def share_of(text: str) -> float:
    """A share as it is typed, such as 10% or 0.1.

    Raises:
        UsageError: It is none, or not above 0 and up to 1.
    """
    try:
        share = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise UsageError(f"{text!r} is no share", hint="above 0 and up to 100%, such as 10% or 0.1")
    return share
