"""Small plots as inline SVG, coloured by the page's style; each part has a colour of its own."""

from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 560, 150, 44, 20, 8
_BAR, _GAP, _NAME_WIDTH, _BAR_WIDTH = 11, 7, 190, 290
_NAME = 28

Series = tuple[int, str, Sequence[float]]
"""The number of a part, which gives its colour, its name, and its figures."""

COLOURS = 4
"""Parts that have a colour of their own; a fifth one begins again."""


def histogram(title: str, edges: Sequence[str], series: Sequence[Series]) -> str:
    """Bars of the share of rows in each range, those of all parts side by side.

    Args:
        title: What is counted, read aloud in place of the picture.
        edges: The ends of the ranges, written out; one more than there are ranges.
        series: Each part with its rows by range.
    """
    ranges = len(edges) - 1
    shares = [[count / max(1, sum(counts)) for count in counts] for _, _, counts in series]
    most = max((share for part in shares for share in part), default=0) or 1
    high, slot = _HEIGHT - _TOP - _BOTTOM, (_WIDTH - _LEFT) / max(1, ranges)
    bars = []
    for position, (number, name, counts) in enumerate(series):
        width = slot * 0.9 / len(series)
        for place, count in enumerate(counts):
            if not count:
                continue
            share = shares[position][place]
            tall = max(1.0, share / most * high)
            told = f"{edges[place]} to {edges[place + 1]}, {name}: {count:,} ({share:.2%})"
            x = _LEFT + place * slot + slot * 0.05 + position * width
            bars.append(_bar((x, _TOP + high - tall, width, tall), number, told))
    ground = _TOP + high
    axes = (
        f'<line x1="{_LEFT}" y1="{ground}" x2="{_WIDTH}" y2="{ground}"/>'
        + _text(_LEFT - 6, _TOP + 8, f"{most:.0%}" if most >= 0.1 else f"{most:.1%}", "end")
        + _text(_LEFT - 6, ground, "0", "end")
        + _text(_LEFT, _HEIGHT - 4, edges[0], "start")
        + _text(_LEFT + ranges // 2 * slot, _HEIGHT - 4, edges[ranges // 2] if ranges > 3 else "")
        + _text(_WIDTH, _HEIGHT - 4, edges[-1], "end")
    )
    return _svg(title, _WIDTH, _HEIGHT, axes + "".join(bars))


def bars(title: str, names: Sequence[str], series: Sequence[Series]) -> str:
    """A bar for each name and part, from the left.

    Args:
        title: What is shown, read aloud in place of the picture.
        names: What the bars stand for.
        series: Each part with its shares, one for each of `names`.
    """
    most = max((share for _, _, shares in series for share in shares), default=0) or 1
    slot = _BAR * len(series) + _GAP
    drawn = []
    for place, name in enumerate(names):
        top = place * slot + _GAP / 2
        short = name if len(name) <= _NAME else name[: _NAME - 1] + "…"
        drawn.append(_text(_NAME_WIDTH - 8, top + (slot - _GAP) / 2 + 4, short, "end"))
        for position, (number, part, shares) in enumerate(series):
            width = shares[place] / most * _BAR_WIDTH
            y = top + position * _BAR
            told = f"{name}, {part}: {shares[place]:.2%}"
            if width:
                drawn.append(_bar((_NAME_WIDTH, y, max(1.0, width), _BAR - 1), number, told))
            drawn.append(
                _text(_NAME_WIDTH + width + 5, y + _BAR - 2, f"{shares[place]:.1%}", "start")
            )
    return _svg(title, _WIDTH, max(1, len(names)) * slot, "".join(drawn))


def line(title: str, points: Sequence[tuple[float, float]]) -> str:
    """A line through points, from the left.

    Args:
        title: What is shown, read aloud in place of the picture.
        points: Where it goes; at least two.
    """
    xs, ys = [x for x, _ in points], [y for _, y in points]
    high, wide = _HEIGHT - _TOP - _BOTTOM, _WIDTH - _LEFT - 8
    across, up = (max(xs) - min(xs)) or 1.0, (max(ys) - min(ys)) or 1.0
    drawn = " ".join(
        f"{_LEFT + (x - min(xs)) / across * wide:.1f},{_TOP + (max(ys) - y) / up * high:.1f}"
        for x, y in points
    )
    ground = _TOP + high
    axes = (
        f'<line x1="{_LEFT}" y1="{ground}" x2="{_WIDTH}" y2="{ground}"/>'
        + _text(_LEFT - 6, _TOP + 8, f"{max(ys):.3g}", "end")
        + _text(_LEFT - 6, ground, f"{min(ys):.3g}", "end")
        + _text(_LEFT, _HEIGHT - 4, f"{min(xs):g}", "start")
        + _text(_WIDTH - 8, _HEIGHT - 4, f"{max(xs):g}", "end")
    )
    stroke = f'<polyline class="c0" style="fill:none;stroke:currentColor" points="{drawn}"/>'
    return _svg(title, _WIDTH, _HEIGHT, axes + stroke)


def _svg(title: str, width: float, height: float, inside: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
        f"{inside}</svg>"
    )


def _bar(box: tuple[float, float, float, float], number: int, told: str) -> str:
    """A bar with its left, top, width and height, in the colour of a part."""
    x, y, width, height = box
    return (
        f'<rect class="c{number % COLOURS}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}"><title>{escape(told)}</title></rect>'
    )


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
