"""`mlops models list`: every model, its versions and stages."""

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "list"
EPILOG = epilog("mlops models list", "mlops models list --json")


def run(json: Json = False, quiet: Quiet = False) -> None:
    """List models: their newest version, and which version is in which stage."""
    from mlops_cli import project

    with extra("train", "mlops models"):
        from mlops_cli.registry import reading
    from mlops_cli.reports import registry as report

    out = Output(json_mode=json, quiet=quiet)
    found = reading.models(project.find_root())
    out.result(
        report.count(found),
        found,
        lines=report.models(found) if found.models else None,
        next_step=report.after_list(found),
    )
