"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from mlops_cli.completion import (
    complete_override,
    complete_remote,
    complete_run_or_override,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and errors.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Settings over the config tree, in Hydra's grammar.",
        autocompletion=complete_override,
        show_default=False,
    ),
]
RunAndOverrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN KEY=VALUE",
        help="A run (id, its beginning, latest, best, best:METRIC), then settings.",
        autocompletion=complete_run_or_override,
        show_default=False,
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET",
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

Params = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Be a stage of the pipeline, with the settings of this file: see mlops repro.",
        show_default=False,
    ),
]


def epilog(*examples: str) -> str:
    """The examples below a command's help."""
    # The first line tells the formatter to keep the lines as they are.
    return "\n".join(("\b", "Examples:", *(f"  {example}" for example in examples)))


def split_run(words: list[str] | None, default: str = "latest") -> tuple[str, list[str]]:
    """Tells the run reference (the first word without `=`) from the overrides."""
    words = words or []
    if words and "=" not in words[0] and not words[0].startswith("~"):
        return words[0], words[1:]
    return default, words
