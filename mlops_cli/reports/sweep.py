"""A sweep as tables for the terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlops_cli.schemas.sweep import SweepResult, SweepRun
from mlops_cli.wording import counted

_MOST_RUNS = 40
_COLOURS = {"finished": "", "failed": "red"}


def headline(result: SweepResult) -> str:
    """How many runs there are, and the best of them."""
    best = result.runs[0]
    score = "" if best.score is None else f" with {result.monitor} {best.score:.4f}"
    finished = len(result.runs) - result.failed
    return (
        f"Finished {finished} of {counted(len(result.runs), 'run')}; the best is {best.run}{score}"
    )


def sweep(result: SweepResult) -> RenderableType:
    """The runs, the best first, and the means over the seeds."""
    parts: list[RenderableType] = ["", _runs(result)]
    if len(result.runs) > _MOST_RUNS:
        parts.append(Text(f"… and {len(result.runs) - _MOST_RUNS} more: --json", style="dim"))
    if result.groups:
        parts += ["", Text("Means over the seeds", style="bold"), _groups(result)]
    return Group(*parts, "")


def table() -> Table:
    """A table without lines."""
    return Table(box=None, pad_edge=False, header_style="dim")


def columns(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """The keys of all rows, in order."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _runs(result: SweepResult) -> Table:
    keys = columns([run.settings for run in result.runs])
    shown = table()
    for name in (result.monitor, *keys, "seconds", "run"):
        shown.add_column(name, justify="right" if name in (result.monitor, "seconds") else "left")
    for run in result.runs[:_MOST_RUNS]:
        shown.add_row(
            _score(run),
            *(run.settings.get(key, "") for key in keys),
            f"{run.seconds:.1f}" if run.seconds else "",
            Text(f"{run.run}  {run.error}".rstrip(), style=_COLOURS.get(run.status, "")),
        )
    return shown


def _score(run: SweepRun) -> str:
    return run.status if run.score is None else f"{run.score:.4f}"


def _groups(result: SweepResult) -> Table:
    keys = columns([group.settings for group in result.groups])
    shown = table()
    shown.add_column(f"{result.monitor}, mean ± std", justify="right")
    shown.add_column("seeds", justify="right")
    for key in keys:
        shown.add_column(key)
    for group in result.groups:
        spread = "" if group.std is None else f" ± {group.std:.4f}"
        shown.add_row(
            f"{group.mean:.4f}{spread}",
            str(group.runs),
            *(group.settings.get(key, "") for key in keys),
        )
    return shown
