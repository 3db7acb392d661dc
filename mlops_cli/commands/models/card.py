"""`mlops models card`: what a model is, for those who did not train it."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.completion import complete_version
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "card"
EPILOG = epilog(
    "mlops models card reviews@production",
    "mlops models card best --output README.md",
    "mlops models card reviews@v1.2.0 --json",
)


def run(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="NAME@STAGE|RUN",
            help="A registered version, or a run.",
            autocompletion=complete_version,
            show_default=False,
        ),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where it goes.", show_default="standard output"),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a model card in the Hugging Face hub's format, from what was recorded.

    A version has the card that it got when it was registered. What people have to say (license,
    language, uses, limits, …) comes from registry.card; what is not recorded is called unknown.
    """
    from mlops_cli import project

    with extra("train", "mlops models"):
        from mlops_cli.registry import card
    from mlops_cli.files import write_text

    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    made = card.of_version(root, reference) if "@" in reference else card.of_run(root, reference)
    if output is None and not json:
        out.data(made.card.rstrip("\n"))
        return
    if output is not None:
        write_text(output, made.card)
    out.result(
        f"Wrote the card of {made.model} to {output}",
        replace(made, output=str(output) if output else None),
        next_step=f"mlops models show {made.model}"
        if "@" in made.model
        else f"mlops models register {made.model}",
    )
