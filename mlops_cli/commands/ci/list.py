"""`mlops ci list`: the workflows that are there."""

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.output import Output

NAME = "list"
EPILOG = epilog("mlops ci list", "mlops ci list --json")


def run(*, json: Json = False, quiet: Quiet = False) -> None:
    """List the workflows in .github/workflows: what starts them, and their jobs."""
    from mlops_cli import ci, project
    from mlops_cli.reports import ci as report

    out = Output(json_mode=json, quiet=quiet)
    found = ci.listing(project.find_root())
    out.result(
        report.listed_headline(found),
        found,
        lines=None if json or not found.workflows else report.listed(found),
        next_step=report.listed_next(found),
    )
