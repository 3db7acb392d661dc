"""`mlops data split`: the splits that training uses, as files."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlops_cli.commands._options import (
    Json,
    Overrides,
    Params,
    Quiet,
    epilog,
    refuse_beside_params,
)
from mlops_cli.extras import extra
from mlops_cli.output import Output
from mlops_cli.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from mlops_cli.schemas.splits import SplitChanges, SplitResult

NAME = "split"
EPILOG = epilog(
    "mlops data split",
    "mlops data split data.split=hash data.test_fraction=0.2",
    "mlops data split data.split=group data.split_by=customer --name by-customer",
    "mlops data split data.split=time data.split_by=written --format csv",
)


def run(
    overrides: Overrides = None,
    *,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Write to data/splits/NAME/.")
    ] = "default",
    format: Annotated[  # noqa: A002 - the word of the option
        Literal["parquet", "csv"], typer.Option(help="Format of the files.")
    ] = "parquet",
    force: Annotated[
        bool, typer.Option("--force", help="Replace a recorded split although rows move or go.")
    ] = False,
    params: Params = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Split the data as training does, write the parts, and tell which rows moved.

    How: data.split=stratified, hash, group or time. A recorded split whose rows would move to
    another part, or go, is left alone (exit 5).
    """
    from mlops_cli import config, project

    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    if params is not None:
        refuse_beside_params(
            {
                "KEY=VALUE": overrides,
                "--name": name != "default",
                "--format": format != "parquet",
                "--force": force,
            }
        )
        with extra("train", "mlops data split"):
            from mlops_cli.pipeline import params as settings
            from mlops_cli.pipeline import prepared
        result = prepared.run(settings.read(params, root), root, out)
    else:
        loaded = config.load(overrides or [], root=root)
        with extra("train", "mlops data split"):
            from mlops_cli.data import split_files
        folder = split_files.place(root, name)
        result = split_files.run(loaded, folder, out, format=format, force=force)
    words = " ".join(["mlops train", *(overrides or [])])
    out.result(
        _headline(result, result.path.relative_to(root)),
        result,
        next_step="" if params else words,
        lines=None if json else _table(result),
    )


def _headline(result: "SplitResult", folder: "Path") -> str:
    split = result.split
    rows = sum(part.rows for part in split.parts.values())
    by = f" by {split.by}" if split.by else ""
    done = "Split" if result.written else "As recorded:"
    return f"{done} {counted(rows, 'row')} ({split.method}{by}, seed {split.seed}): {folder}"


def _table(result: "SplitResult") -> "RenderableType":
    """Rows of each class and part, and what moved."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts = result.split.parts
    table = Table(box=None, pad_edge=False, header_style="dim")
    labels = sorted({label for part in parts.values() for label in part.classes})
    table.add_column("class" if labels else "")
    for name in parts:
        table.add_column(name, justify="right")
    for label in labels:
        cells = (
            f"{part.classes.get(label, 0):,}  {part.shares.get(label, 0):6.1%}"
            for part in parts.values()
        )
        table.add_row(Text(label), *cells)
    table.add_row("all", *(f"{part.rows:,}  {1:6.1%}" for part in parts.values()))
    lines = [] if result.changes is None else [Text(_changes(result.changes))]
    return Group(table, *lines)


def _changes(changes: "SplitChanges") -> str:
    return (
        f"since the recorded split: {counted(changes.moved, 'row')} moved, "
        f"{changes.added:,} added, {changes.removed:,} removed"
    )
