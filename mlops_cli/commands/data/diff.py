"""`mlops data diff`: what differs between two versions of the data."""

from dataclasses import replace
from typing import Annotated

import typer

from mlops_cli.commands._options import Html, Json, Quiet, epilog
from mlops_cli.commands.data.stats import Label, split_words
from mlops_cli.completion import complete_override
from mlops_cli.errors import GateError, UsageError
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "diff"
EPILOG = epilog(
    "mlops data diff HEAD~1",
    "mlops data diff reviews.csv@main reviews.csv --key id",
    "mlops data diff old.csv new.parquet --label sentiment --html diff.html",
    "mlops data diff v1.2.0 --fail-on-change --json",
)

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="A B KEY=VALUE...",
        help="The old and the new version: files, FILE@REVISION, or git revisions of the "
        "config's file; then settings. Without B, what is there now.",
        autocompletion=complete_override,
        show_default=False,
    ),
]
Key = Annotated[
    list[str] | None,
    typer.Option(
        metavar="A,B,…", help="Match rows by these columns; else whole.", show_default=False
    ),
]
Stats = Annotated[
    bool, typer.Option("--stats/--no-stats", help="Show the statistics of both, too.")
]
Fail = Annotated[bool, typer.Option("--fail-on-change", help="Exit 6 when anything differs.")]


def run(
    words: Words = None,
    *,
    key: Key = None,
    label: Label = None,
    html: Html = None,
    stats: Stats = True,
    fail: Fail = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare two versions of a table, row by row.

    Rows are added, removed, changed or relabelled; columns and statistics follow. A row whose
    label alone differs is relabelled. Values are compared, not their spelling: 1 and 1.0 are the
    same number.
    """
    from mlops_cli import config, project

    out = Output(json_mode=json, quiet=quiet)
    versions, overrides = split_words(words)
    if not 1 <= len(versions) <= 2:
        raise UsageError(
            f"mlops data diff compares two versions, not {len(versions)}",
            hint="mlops data diff OLD.csv NEW.csv, or mlops data diff HEAD~1",
        )
    loaded = config.load(overrides, root=project.find_root())
    with extra("data", "mlops data diff"):
        from mlops_cli.data import difference, parts
        from mlops_cli.reports import difference as report
    names = [name.strip() for word in key or [] for name in word.split(",") if name.strip()]
    with parts.looking_up(loaded.data, loaded.seed) as place:
        old, new = parts.two_versions(versions, place)
        column = parts.label_of([new, old], place, label)
        result = difference.run(old, new, names, column, out, describe=stats)
    if html is not None:
        from mlops_cli.reports import data_page

        data_page.write_difference(result, html)
        result = replace(result, page=html)
        out.info(f"the report is in {html}")
    tables = None if json else report.tables(result)
    out.result(report.headline(result), result, lines=tables, failed=fail and result.differ)
    if fail and result.differ:
        raise GateError(f"{result.before} and {result.after} differ")
