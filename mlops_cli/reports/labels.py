"""Doubtful labels for the terminal."""

from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlops_cli.schemas.label_errors import LabelErrorsResult, ReviewResult
from mlops_cli.wording import counted

_SHORT = 300
"""Characters of a text that are looked at; the table cuts it to the terminal's width."""


def headline(result: LabelErrorsResult) -> str:
    """How many rows are suspected, in one sentence."""
    rows = "all rows" if result.split == "all" else f"the {result.split} rows"
    return (
        f"{result.suspected:,} of {result.rows:,} labels look wrong among {rows} "
        f"(estimated noise {result.noise_rate:.1%})"
    )


def suspects(result: LabelErrorsResult) -> RenderableType:
    """What the suspicion rests on, and the worst rows."""
    basis = Text(
        f"asked: {result.by}, which predicts {result.accuracy:.1%} of the labels "
        f"(majority class {result.majority_class:.1%}, mcc {result.mcc:.3f})",
        style="dim",
    )
    if not result.worst:
        return basis
    several = len({one.source for one in result.worst}) > 1
    table = Table(box=None, pad_edge=False, header_style="dim")
    if several:
        table.add_column("source")
    table.add_column("row", justify="right")
    table.add_column("label")
    table.add_column("suggested")
    table.add_column("quality", justify="right")
    table.add_column("text", overflow="fold")
    for one in result.worst:
        cells: list[Text | str] = [
            str(one.row),
            Text(one.label),
            Text(one.suggested),
            f"{one.quality:.4f}",
        ]
        table.add_row(*([Text(one.source)] if several else []), *cells, Text(_line(one.text)))
    return Group(basis, table)


def review_headline(result: ReviewResult) -> str:
    """What a review changed, in one sentence."""
    relabelled = sum(one.relabelled for one in result.files)
    dropped = sum(one.dropped for one in result.files)
    if not result.files:
        return f"{result.review} changes nothing: every reviewed label is kept"
    names = ", ".join(seen(one.path) for one in result.files)
    return f"Relabelled {relabelled:,} and dropped {counted(dropped, 'row')} of {names}"


def review(result: ReviewResult) -> RenderableType:
    """What was left as it is, and the files to commit."""
    lines = [f"kept {result.kept:,}, without a verdict {result.open:,}"]
    lines += [f"recorded in {seen(one.record)}" for one in result.files]
    return Text("\n".join(lines), style="dim")


def seen(path: Path) -> str:
    """The path as a person in this folder would type it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _line(text: str) -> str:
    line = " ".join(text[:_SHORT].split())
    return "".join(sign if sign.isprintable() else "�" for sign in line)
