"""`mlops repro`: the pipeline from data to bundle; only what changed runs."""

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.commands._options import Json, Quiet, epilog, split_run
from mlops_cli.completion import complete_stage_or_override
from mlops_cli.extras import extra
from mlops_cli.output import Output

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlops_cli.schemas.pipeline import ReproResult

NAME = "repro"
EPILOG = epilog(
    "mlops repro",
    "mlops repro --dry",
    "mlops repro lr=3e-5 epochs=5",
    "mlops repro evaluate 'gates.mcc=\">= 0.5\"'",
)


def run(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STAGE KEY=VALUE...",
            help="The last stage to bring up to date (all by default), then settings.",
            autocompletion=complete_stage_or_override,
            show_default=False,
        ),
    ] = None,
    dry: Annotated[
        bool, typer.Option("--dry", help="Say what would run, and why; run and write nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Run the stages even if nothing changed.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Bring the pipeline up to date; only what changed runs.

    Its stages are prepare, validate, train, evaluate and export. One runs when what it reads
    changed: settings, data or the stage before it. Interrupted, it goes on where it was. The
    stages are in dvc.yaml, the settings they read in params.yaml, what came out in dvc.lock.
    """
    from mlops_cli import project

    out = Output(json_mode=json, quiet=quiet)
    stage, overrides = split_run(words, default="")
    with extra("train", "mlops repro"):
        from mlops_cli import pipeline
    result = pipeline.run(
        overrides, project.find_root(), out, stage=stage or None, force=force, dry=dry, quiet=quiet
    )
    again = shlex.join(["mlops", "repro", *(words or [])])
    next_step = again if result.named("would run") else _next_step(result)
    out.result(_headline(result), result, lines=_table(result), next_step=next_step)


def _headline(result: "ReproResult") -> str:
    ran = [*result.named("ran"), *result.named("restored")]
    if result.dry:
        would, might = result.named("would run"), ", ".join(result.named("might run"))
        after = f"; and {might}, if that makes something else" if might else ""
        return f"Would run: {', '.join(would)}{after}" if would else "Nothing to run"
    if not ran:
        return f"Nothing to run: all {len(result.stages)} stages are up to date"
    return f"Ran {len(ran)} of {len(result.stages)} stages: {', '.join(ran)}"


def _next_step(result: "ReproResult") -> str:
    if result.commit:
        return f"git add {shlex.join(result.commit)} && git commit"
    if result.named("ran"):
        return "mlops push"
    return "mlops serve --bundle pipeline/bundle"


def _table(result: "ReproResult") -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("stage")
    table.add_column("")
    table.add_column("seconds", justify="right")
    table.add_column("why")
    for stage in result.stages:
        more = f"; and {len(stage.why) - 3} more" if len(stage.why) > 3 else ""
        seconds = f"{stage.seconds:.1f}" if stage.seconds else ""
        why = Text("; ".join(stage.why[:3]) + more)
        table.add_row(stage.name, stage.status, seconds, why)
    return table
