"""`mlops init`: make a project."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import Json, LabelColumn, Quiet, TextColumn, epilog
from mlops_cli.commands._questions import interactive, wishes_by_asking
from mlops_cli.extras import extra
from mlops_cli.output import Output
from mlops_cli.project import packaged_configs
from mlops_cli.schemas.scaffold import Wishes

if TYPE_CHECKING:
    from mlops_cli.schemas.scaffold import InitResult

NAME = "init"
EPILOG = epilog(
    "mlops init reviews",
    "mlops init reviews --yes",
    "mlops init reviews --data reviews.csv --text review --label stars",
    "mlops init pairs --data nli.csv --text premise --text-pair hypothesis --label label",
    "mlops init reviews --model bert --tracker wandb --no-dvc",
)


def _choices_of(group: str) -> Callable[[str], list[str]]:
    """Completes a choice of a config group that ships with mlops."""

    def complete(incomplete: str) -> list[str]:
        files = sorted((packaged_configs() / group).glob(f"{incomplete}*.yaml"))
        return [path.stem for path in files]

    return complete


def run(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new or empty folder.", show_default="here")
    ] = Path(),
    *,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Take the defaults and ask nothing.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Name of the project; the folder's by default.")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="What the model predicts; by default what the data is likely for.",
            autocompletion=_choices_of("task"),
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV, TSV, JSONL or Parquet; copied into the project."),
    ] = None,
    text: TextColumn = None,
    text_pair: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of the second text, for tasks on pairs."),
    ] = None,
    label: LabelColumn = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model to begin with, such as bert.", autocompletion=_choices_of("model")
        ),
    ] = None,
    tracker: Annotated[
        str | None,
        typer.Option(
            help="wandb or none; wandb by default where its key is.",
            autocompletion=_choices_of("tracker"),
        ),
    ] = None,
    no_git: Annotated[bool, typer.Option("--no-git", help="Make no git repository.")] = False,
    no_dvc: Annotated[bool, typer.Option("--no-dvc", help="Leave the data to git.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a project: settings, tests, CI, git and DVC.

    It is ready for mlops train.
    """
    with extra("train", "mlops init"):
        from mlops_cli.scaffold import init
    out = Output(json_mode=json, quiet=quiet)
    wishes = Wishes(name, task, model, tracker, data, text, label, text_pair)
    known = init.again(folder, wishes, dvc=not no_dvc)
    if known is not None:
        said = f"{known.answers.name} is in {_shown(known.path)} already, as these words make it"
        out.result(said, known, next_step=f"{_enter(known.path)}mlops train")
        return
    target = init.check(folder, git=not no_git)
    if interactive(yes or json or quiet):
        wishes = wishes_by_asking(wishes, target, out)
    result = init.run(target, wishes, out, git=not no_git, dvc=not no_dvc)
    out.result(
        f"Made {result.answers.name} in {_shown(result.path)}",
        result,
        next_step=f"{_enter(result.path)}mlops train",
        lines=_lines(result),
    )


def _shown(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _enter(path: Path) -> str:
    return "" if path == Path.cwd() else f"cd {shlex.quote(_shown(path))} && "


def _lines(result: "InitResult") -> str:
    """What was made, for people."""
    answers = result.answers
    data = answers.data_path or "built-in sentences (data=quickstart)"
    git = {
        "new": f"one commit, {(result.commit or '')[:8]}",
        "outer": "part of the repository around it; commit it yourself",
        "none": "none",
    }[result.git]
    held = "initialised, default remote .dvc-storage" if answers.dvc else "none"
    return "\n".join(
        f"  {title:<8} {value}"
        for title, value in (
            ("data", data),
            ("task", answers.task),
            ("model", answers.model),
            ("tracker", answers.tracker),
            ("git", git),
            ("dvc", held),
        )
    )
