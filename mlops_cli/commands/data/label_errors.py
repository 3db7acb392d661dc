"""`mlops data label-errors`: rows whose label is probably wrong, and the verdicts on them."""

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlops_cli.commands._options import Json, Overrides, Quiet, epilog
from mlops_cli.completion import complete_run
from mlops_cli.errors import UsageError
from mlops_cli.extras import extra
from mlops_cli.output import Output

if TYPE_CHECKING:
    from mlops_cli.schemas.config import Config
    from mlops_cli.tracking.record import Run

NAME = "label-errors"
EPILOG = epilog(
    "mlops data label-errors",
    "mlops data label-errors --split all data=file data.path=reviews.csv",
    "mlops data label-errors --by features+model model=bert --folds 5",
    "mlops data label-errors --by best --split validation",
    "mlops data label-errors --apply reports/label_errors.csv",
)
_WAYS = ("linear", "features", "model")
_DEFAULT = Path("reports/label_errors.csv")
_TOP = 10

By = Annotated[
    str,
    typer.Option(
        metavar="auto|linear|features|model|RUN",
        help="What is asked: a fast linear baseline, one on the layers of the pretrained "
        "model, the configured model itself (all cross-validated; joined by +, their mean), or "
        "a run's model about rows it has not seen. auto takes linear, and features+model "
        "where that can't tell the labels apart.",
        autocompletion=complete_run,
    ),
]
Target = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv",
        help=f"Where the suspects go, to be reviewed; else {_DEFAULT} in the project.",
        show_default=False,
    ),
]
Apply = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv",
        help="Relabel and drop the rows of the data file as this reviewed file says.",
        show_default=False,
    ),
]


def run(
    overrides: Overrides = None,
    *,
    by: By = "auto",
    split: Annotated[
        Literal["train", "validation", "test", "all"], typer.Option(help="The rows to look at.")
    ] = "train",
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Folds of the cross-validation; else 5, and 3 for a model."),
    ] = None,
    top: Annotated[int, typer.Option(min=0, metavar="N", help="Suspects to show.")] = _TOP,
    output: Target = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all", help="Put every row into that file, most doubted first: suspects, then others."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file that holds verdicts.")
    ] = False,
    apply: Apply = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find rows that are probably labelled wrong, and put a person's verdicts into the data.

    The suspects go to a CSV file. Write keep, relabel or drop into its column verdict (relabel
    takes suggested_label, or what new_label says), then give it to --apply.
    """
    from mlops_cli import project

    out, root = Output(json_mode=json, quiet=quiet), project.find_root()
    if apply is not None:
        beside = {"--by": by != "auto", "--split": split != "train", "--folds": folds is not None}
        beside |= {"--top": top != _TOP, "--output": output is not None}
        beside |= {"--all": every, "--force": force}
        if typed := [name for name, given in beside.items() if given]:
            raise UsageError(
                "--apply only puts verdicts into the data", hint=f"leave {', '.join(typed)} out"
            )
        _apply(apply, overrides or [], root, out)
        return
    asked, config, trained_on = _asked(by, overrides or [], root)
    with extra("data", "mlops data label-errors"):
        from mlops_cli import label_errors
        from mlops_cli.reports import labels
    target = output or root / _DEFAULT
    options = label_errors.Options(asked, split, folds, target, every, force, top)
    result = label_errors.find(config, options, out, root=root, trained_on=trained_on)
    name = labels.seen(result.path)
    out.result(
        labels.headline(result),
        result,
        lines=labels.suspects(result),
        next_step=f"fill in the column verdict of {name}, then "
        f"{_again(overrides or [])} --apply {name}"
        if result.suspected
        else "mlops train",
    )


def _asked(by: str, overrides: list[str], root: Path) -> "tuple[str | Run, Config, Config | None]":
    """What `--by` names, the config to look with, and the one a run was trained with."""
    from mlops_cli import config
    from mlops_cli.tracking import finding

    ways = by.split("+")
    if by == "auto" or (set(ways) <= set(_WAYS) and len(ways) == len(set(ways))):
        return by, config.load(overrides, root=root), None
    near = get_close_matches(by, ("auto", *_WAYS), n=1)
    if len(ways) > 1 or not by or (near and not finding.all_runs(root)):
        likely = near[0] if near and len(ways) == 1 else "features+model"
        raise UsageError(
            f"{by!r} is no way to look and no run", hint=f"did you mean --by {likely}?"
        )
    found = finding.find(root, by)
    recorded = config.load_for_run(found.config_text(), [], root=root)
    loaded = config.load_for_run(found.config_text(), overrides, root=root)
    return found, loaded, recorded


def _apply(review: Path, overrides: list[str], root: Path, out: Output) -> None:
    from mlops_cli import config, label_review
    from mlops_cli.reports import labels

    result = label_review.apply(config.load(overrides, root=root), review, root=root)
    paths = " ".join(labels.seen(path) for path in result.commit)
    out.result(
        labels.review_headline(result),
        result,
        lines=labels.review(result),
        next_step=f"git add {paths} && git commit -m 'Correct labels'" if paths else "mlops train",
    )


def _again(overrides: list[str]) -> str:
    """This command with the settings that say where the data is."""
    import shlex

    kept = [shlex.quote(word) for word in overrides if word.startswith(("data=", "data."))]
    return " ".join(["mlops data label-errors", *kept])
