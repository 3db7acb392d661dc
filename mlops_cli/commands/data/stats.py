"""`mlops data stats`: what is in the data, column by column and split by split."""

from dataclasses import replace
from typing import Annotated

import typer

from mlops_cli.commands._options import Html, Json, Quiet, epilog
from mlops_cli.completion import complete_override
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "stats"
EPILOG = epilog(
    "mlops data stats",
    "mlops data stats train.csv test.csv --html stats.html",
    "mlops data stats reviews.parquet --against reviews.parquet@HEAD~1 --json",
    "mlops data stats data=file data.path=reviews.csv --against main",
)

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE KEY=VALUE...",
        help="Files (FILE@REVISION: as of a git revision), then settings; without a file, the "
        "data of the config.",
        autocompletion=complete_override,
        show_default=False,
    ),
]
Label = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The label; else data.label.", show_default=False),
]
Against = Annotated[
    str | None,
    typer.Option(
        metavar="OTHER",
        help="Compare with a file, FILE@REVISION, or a git revision of the same files.",
        show_default=False,
    ),
]


def run(
    words: Words = None,
    *,
    against: Against = None,
    label: Label = None,
    html: Html = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Describe every column of every split, in bounded memory.

    Counts, extremes, quantiles, histograms, frequent values and words, and the labels by split.
    Of large tables, words and quantiles are those of random rows, and said to be.
    """
    from mlops_cli import config, project

    out = Output(json_mode=json, quiet=quiet)
    files, overrides = split_words(words)
    root = project.find_root()
    # Files need the group alone, which takes a fraction of the time of the whole config.
    if files:
        data, seed = config.load_group("data", overrides, root=root), 0
    else:
        loaded = config.load(overrides, root=root)
        data, seed = loaded.data, loaded.seed
    with extra("data", "mlops data stats"):
        from mlops_cli.data import parts, statistics
        from mlops_cli.reports import statistics as report
    with parts.looking_up(data, seed) as place:
        found = parts.of_files(files, place) if files else parts.of_config(place, out)
        found += parts.beside(found, against, place) if against else []
        result = statistics.run(found, parts.label_of(found, place, label), out)
    if html is not None:
        from mlops_cli.reports import data_page

        data_page.write_statistics(result, html)
        result = replace(result, page=html)
        out.info(f"the report is in {html}")
    out.result(report.headline(result), result, lines=None if json else report.tables(result))


def split_words(words: list[str] | None) -> tuple[list[str], list[str]]:
    """Tells files from settings: a file that is there may have a = in its name."""
    from mlops_cli.project import locate

    files: list[str] = []
    overrides: list[str] = []
    for word in words or []:
        setting = ("=" in word or word.startswith("~")) and not locate(word).is_file()
        (overrides if setting else files).append(word)
    return files, overrides
