"""What several subcommands of `mlops runs` share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_cli.errors import NotFoundError, UsageError
from mlops_cli.extras import extra
from mlops_cli.output import Output

if TYPE_CHECKING:
    from mlops_cli.schemas.runs import Point

Plot = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Draw the curves into a .png or .svg file as well.",
        show_default=False,
    ),
]


def terminal_width() -> int:
    """Characters of a line."""
    import shutil  # It brings a dozen modules, which nothing else needs so early.

    return shutil.get_terminal_size((80, 24)).columns


def one_picture(
    path: Path,
    runs: Sequence[str],
    curves: Mapping[str, "Sequence[Sequence[Point]]"],
    monitor: str,
    out: Output,
) -> None:
    """Draws curves into a file, and says so.

    Raises:
        UsageError: The file is to be neither PNG nor SVG.
        NotFoundError: Nothing was recorded that could be drawn.
        MissingDependencyError: matplotlib is not installed.
    """
    if path.suffix.lower() not in (".png", ".svg"):
        raise UsageError(
            f"--plot {path}: pictures are .png or .svg",
            hint=f"--plot {path.with_suffix('.png')}",
        )
    with extra("train", "--plot"):
        from mlops_cli.files import atomic_path
        from mlops_cli.reports import run_curves
    if not run_curves.chosen(list(curves), monitor):
        raise NotFoundError("no metric was recorded that could be drawn", hint="mlops runs list")
    with atomic_path(path) as temporary:
        drawn = run_curves.plot(temporary, runs, curves, monitor)
    out.info(f"drew {', '.join(drawn)} into {path}")
