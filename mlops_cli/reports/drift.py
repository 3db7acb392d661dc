"""A comparison of two tables for the terminal, and as a page."""

from html import escape
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlops_cli.files import write_text
from mlops_cli.schemas.drift import DriftCheck, DriftResult
from mlops_cli.wording import counted

_SHOWN = 20
_SMALLEST = 1e-12
_NAME = 24
_MEASURES = {"distance": "KS", "total variation": "TV", "change of share": "±"}
"""Short names for the terminal of how far apart two columns are."""
_HEADINGS = ("what", "effect", "p (Holm)", "detail")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
       color: #222; background: #fff }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd }}
tr.drifted td {{ background: #fdecea }}
.bar {{ background: #ddd; width: 8rem; height: .7rem; position: relative }}
.bar i {{ position: absolute; inset: 0 auto 0 0; background: #4a7 }}
.drifted .bar i {{ background: #c33 }}
.bar b {{ position: absolute; top: -.15rem; bottom: -.15rem; width: 2px; background: #222 }}
</style></head><body>
<h1>{title}</h1><p>{summary}</p>{notes}
<table><thead><tr>{headings}</tr></thead><tbody>
{rows}
</tbody></table>
<p>{method}</p>
</body></html>
"""


def headline(result: DriftResult) -> str:
    """The verdict in one sentence, with the strongest reasons."""
    sizes = f"{counted(result.rows_reference, 'row')} against {result.rows_current:,}"
    if not result.drifted:
        return f"No drift in {counted(len(result.checks), 'check')} ({sizes})"
    more = len(result.reasons) - 3
    tail = f"; and {more} more" if more > 0 else ""
    return (
        f"Drift in {len(result.reasons)} of {counted(len(result.checks), 'check')} ({sizes}): "
        f"{'; '.join(result.reasons[:3])}{tail}"
    )


def tables(result: DriftResult) -> RenderableType:
    """Every check that drifted, and the largest effects of the others."""
    drifted = sum(check.drifted for check in result.checks)
    shown = result.checks[: max(_SHOWN, drifted)]
    cells = [_cells(check) for check in shown]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column()
    for heading in _HEADINGS[:-1]:
        # Only the details give way to a narrow terminal.
        table.add_column(heading, no_wrap=True)
    table.add_column(_HEADINGS[-1], overflow="fold")
    for check, row in zip(shown, cells, strict=True):
        sign = Text("✗", style="bold red") if check.drifted else Text("✓", style="green")
        table.add_row(sign, *map(Text, row))
    left = len(result.checks) - len(shown)
    parts: list[RenderableType] = ["", table]
    if left:
        parts.append(Text(f"and {left} more without drift: --json has them all", style="dim"))
    parts += [Text(f"note: {note}") for note in result.notes]
    return Group(*parts, Text(_method(result), style="dim"), "")


def write_html(result: DriftResult, path: Path) -> None:
    """Writes the comparison as one page without scripts or anything from elsewhere.

    Raises:
        PlaceError: The file can't be written there.
    """
    title = f"{result.reference.name} and {result.current.name}: " + (
        "drifted" if result.drifted else "no drift"
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in result.notes)
    whole = _PAGE.format(
        title=escape(title),
        summary=escape(headline(result)),
        notes=f"<ul>{notes}</ul>" if notes else "",
        headings="".join(f"<th>{heading}</th>" for heading in (*_HEADINGS, "")),
        rows="\n".join(_row(check) for check in result.checks),
        method=escape(_method(result)),
    )
    write_text(path, whole)


def _cells(check: DriftCheck) -> tuple[str, ...]:
    name = check.column if len(check.column) <= _NAME else check.column[: _NAME - 1] + "…"
    interval = (
        "" if check.low is None or check.high is None else f"[{check.low:.2f}, {check.high:.2f}], "
    )
    p = f"< {_SMALLEST:.0e}" if check.p_adjusted < _SMALLEST else f"{check.p_adjusted:.2g}"
    return (
        f"{name}: {check.aspect}",
        f"{_MEASURES.get(check.measure, check.measure)} {check.effect:.3f}",
        p,
        f"{interval}{check.detail}",
    )


def _row(check: DriftCheck) -> str:
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in _cells(check))
    effect, floor = check.effect, check.floor
    if check.measure == "AUC":
        effect, floor = max(0.0, 2 * effect - 1), 2 * floor - 1
    bar = (
        f'<td><div class="bar" title="matters from {check.floor:g}">'
        f'<i style="width:{min(effect, 1):.1%}"></i>'
        f'<b style="left:{floor:.1%}"></b></div></td>'
    )
    opening = '<tr class="drifted">' if check.drifted else "<tr>"
    return f"{opening}{cells}{bar}</tr>"


def _method(result: DriftResult) -> str:
    ignored = f"; not compared: {', '.join(result.ignored)}" if result.ignored else ""
    return (
        f"drift: p < {result.alpha:g} after {result.correction}'s correction for "
        f"{len(result.checks)} checks, and an effect that matters; classifiers saw "
        f"{result.sampled_reference:,} and {result.sampled_current:,} rows, seed {result.seed}"
        f"{ignored}"
    )
