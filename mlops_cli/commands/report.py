"""`mlops report`: a run for who decides about it, beside what is in production."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.completion import complete_run
from mlops_cli.errors import UsageError
from mlops_cli.files import write_text
from mlops_cli.output import Output

NAME = "report"
EPILOG = epilog(
    "mlops report",
    "mlops report best --compare production",
    "mlops report --compare reviews@production --format html --output report.html",
    "mlops report --compare production >> $GITHUB_STEP_SUMMARY",
)


def run(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run: its id, the beginning of it, latest, best, best:METRIC, or its folder.",
            autocompletion=complete_run,
        ),
    ] = "latest",
    *,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="RUN|NAME@STAGE|STAGE",
            help="Set it beside another run or a registered version; a stage alone will do where "
            "one model has a version in it.",
            show_default=False,
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - the word of the option
        Literal["md", "html"],
        typer.Option(help="Markdown, as GitHub shows it, or a page without scripts."),
    ] = "md",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to write it; else Markdown goes to standard output, a page to reports/.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the report of a run: metrics, gates, settings, data, code and curves.

    A page for a pull request, a job summary or a colleague, with what changed against the run or
    version that it is to replace.
    """
    from mlops_cli import project
    from mlops_cli.runs import reporting

    out, root = Output(json_mode=json, quiet=quiet), project.find_root()
    if output is not None and output.suffix.lower() not in _ENDINGS[format]:
        raise UsageError(
            f"{output} is no name for {format}", hint=f"end it in {_ENDINGS[format][0]}"
        )
    found = reporting.run(root, reference, compare)
    from mlops_cli.reports import run_report

    if format == "html":
        output = output or root / "reports" / f"{found.run}.html"
        run_report.write_html(found, output)
    elif output is not None:
        write_text(output, run_report.markdown(found))
    elif not json:
        out.data(run_report.markdown(found))
        return
    out.result(
        run_report.headline(found),
        found,
        lines=f"written to {output}" if output else None,
        next_step=f"mlops models register {found.run}",
    )


_ENDINGS = {"md": (".md", ".markdown", ".txt"), "html": (".html", ".htm")}
