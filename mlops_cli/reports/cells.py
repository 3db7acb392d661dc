"""Figures, texts and small histograms as the cells of a table."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlops_cli.schemas.statistics import Histogram

_BARS = "▁▂▃▄▅▆▇█"
_BAR_COUNT = 12
_SHORT = 60
_SIZES = ((1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e5, 1e3, "k"))


def sparkline(histogram: Histogram | None) -> str:
    """A histogram as a line of small bars; a range without rows is blank."""
    if histogram is None:
        return ""
    counts, step = histogram.counts, -(-len(histogram.counts) // _BAR_COUNT)
    chunks = [counts[start : start + step] for start in range(0, len(counts), step)]
    means = [sum(chunk) / len(chunk) for chunk in chunks]
    most = max(*means, 1e-9)
    return "".join(_BARS[min(7, int(8 * mean / most))] if mean else " " for mean in means)


def figure(value: float | None) -> str:
    """A number in at most five digits; large ones in thousands, millions and so on."""
    if value is None:
        return "—"
    value = float(value)
    for limit, size, sign in _SIZES:
        if limit <= abs(value) < 1e15:
            return f"{value / size:.4g}{sign}"
    return f"{int(value):,}" if value.is_integer() and abs(value) < 1e5 else f"{value:.4g}"


def quoted(text: str, most: int = _SHORT) -> str:
    """A text on one line of at most so many characters, without what a terminal would act on."""
    line = " ".join(text[: 4 * most].split())
    line = "".join(sign if sign.isprintable() else "�" for sign in line)
    return line if len(line) <= most else line[: most - 1] + "…"


def titled(title: str, table: RenderableType) -> Group:
    """A table under a heading of its own."""
    return Group("", Text(title, style="bold"), table)


def plain_table(left: Iterable[str], right: Iterable[str]) -> Table:
    """A table without frames, with columns of words and then of figures."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in left:
        table.add_column(heading, overflow="fold")
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
