"""`mlops data drift`: whether a table is still like another one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import Html, Json, Overrides, Quiet, epilog
from mlops_cli.errors import GateError
from mlops_cli.extras import extra
from mlops_cli.output import Output

if TYPE_CHECKING:
    from mlops_cli.schemas.drift import DriftResult

NAME = "drift"
EPILOG = epilog(
    "mlops data drift train.csv new.csv",
    "mlops data drift train.parquet new.parquet --label income --ignore age,fnlwgt",
    "mlops data drift train.csv new.csv --text review --no-fail --html drift.html",
    "mlops data drift train.csv new.csv --alpha 0.05 drift.min_distance=0.2 --json",
)


Reference = Annotated[Path, typer.Argument(metavar="REFERENCE", help="The table held to be right.")]
Current = Annotated[Path, typer.Argument(metavar="CURRENT", help="The table to compare with it.")]
Text = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Compare as text; else found.", show_default=False),
]
Label = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help="The label; else guessed beside a text.", show_default=False
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="A,B,…", help="Only these columns, dates too; else all.", show_default=False
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(metavar="A,B,…", help="Leave these columns out.", show_default=False),
]
Alpha = Annotated[
    float | None,
    typer.Option(metavar="P", help="Chance of any false alarm: drift.alpha.", show_default=False),
]
Seed = Annotated[
    int | None,
    typer.Option(metavar="N", help="Seed of samples and folds: seed.", show_default=False),
]
Fail = Annotated[bool, typer.Option("--fail/--no-fail", help="Exit 6 when there is drift.")]


def run(
    reference: Reference,
    current: Current,
    overrides: Overrides = None,
    *,
    text: Text = None,
    label: Label = None,
    columns: Columns = None,
    ignore: Ignore = None,
    alpha: Alpha = None,
    seed: Seed = None,
    html: Html = None,
    fail: Fail = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Tell whether a table is still like the reference.

    Each column is tested, all together, and every text by a classifier that tells the tables
    apart. A difference counts when it is certain (alpha, after Holm's correction for all tests)
    and large enough to matter (the min_ settings: mlops config list drift/default). Exit 6 when
    the table drifted.
    """
    from mlops_cli import config, project

    out = Output(json_mode=json, quiet=quiet)
    words = [*(overrides or [])]
    words += [] if alpha is None else [f"drift.alpha={alpha}"]
    words += [] if seed is None else [f"seed={seed}"]
    loaded = config.load(words, root=project.find_root())
    with extra("data", "mlops data drift"):
        from mlops_cli.data import drift as engine
        from mlops_cli.reports import drift as report
    selection = engine.Selection(text, label, _names(columns), _names(ignore))
    result = engine.run(reference, current, selection, loaded.drift, seed=loaded.seed, reporter=out)
    if html is not None:
        report.write_html(result, html)
        out.info(f"the report is in {html}")
    tables = None if json else report.tables(result)
    out.result(report.headline(result), result, lines=tables, failed=result.drifted)
    if fail and result.drifted:
        raise GateError(_verdict(result), hint="--no-fail only reports it")


def _names(words: list[str] | None) -> tuple[str, ...]:
    return tuple(name.strip() for word in words or [] for name in word.split(",") if name.strip())


def _verdict(result: "DriftResult") -> str:
    more = len(result.reasons) - 3
    tail = f"; and {more} more" if more > 0 else ""
    return f"drift: {'; '.join(result.reasons[:3])}{tail}"
