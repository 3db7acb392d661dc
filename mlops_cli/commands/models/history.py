"""`mlops models history`: who did what to a model, when, and why."""

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.models._options import Reference
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "history"
EPILOG = epilog("mlops models history reviews", "mlops models history reviews@production --json")


def run(reference: Reference, json: Json = False, quiet: Quiet = False) -> None:
    """Tell who did what to a model or a version, when, why, and what was there before."""
    from mlops_cli import project

    with extra("train", "mlops models"):
        from mlops_cli.registry import reading
    from mlops_cli.reports import version as report

    out = Output(json_mode=json, quiet=quiet)
    found = reading.history(project.find_root(), reference)
    count = len(found.events)
    out.result(
        f"{found.model}: {count} {'event' if count == 1 else 'events'}",
        found,
        lines=report.events(found.events),
        next_step="mlops audit verify",
    )
