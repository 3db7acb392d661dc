"""Curves drawn with characters: eight dots of braille to a cell, or plain ASCII."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from mlops_cli.schemas.runs import Point

_STYLES = ("cyan", "yellow", "magenta", "green", "red", "blue")
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character's dots, by row and column (Unicode, block Braille Patterns)."""
_BLANK = 0x2800
_FRAME, _PLAIN_FRAME = "│└─", "|+-"
_LABEL = 9
_DOWN, _ACROSS = 4, 2


@dataclass(frozen=True)
class Curve:
    """One line of a chart.

    Attributes:
        name: What stands at its right end.
        points: Its points, in order of their steps.
    """

    name: str
    points: Sequence[Point]


def braille_can_be_shown() -> bool:
    """Whether the encoding of the standard output has braille."""
    try:
        "⣿".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def draw(
    title: str, curves: Sequence[Curve], *, width: int = 76, height: int = 10, braille: bool = True
) -> Text | None:
    """Draws curves over their steps, with a scale on the left and their names on the right.

    Args:
        title: What stands above.
        curves: The curves; those without points are left out.
        width: Characters of a whole line.
        height: Lines of the chart itself.
        braille: Eight dots to a character; else one `*`.

    Returns:
        The chart, or None where no curve has two points.
    """
    curves = [curve for curve in curves if curve.points]
    if not any(len(curve.points) > 1 for curve in curves):
        return None
    points = [point for curve in curves for point in curve.points]
    steps = min(p.step for p in points), max(p.step for p in points)
    values = min(p.value for p in points), max(p.value for p in points)
    ends = _ends(curves, height, *values)
    margin = max(sum(len(curves[n].name) + 1 for n in numbers) for numbers in ends.values())
    canvas = _Canvas(width - _LABEL - 2 - margin, height, braille)
    for number, curve in enumerate(curves):
        dots = [
            (
                round(_share(p.step, *steps) * (canvas.across - 1)),
                round(_share(p.value, *values, flip=True) * (canvas.down - 1)),
            )
            for p in curve.points
        ]
        for begin, end in zip(dots, dots[1:] or dots, strict=False):
            canvas.line(begin, end, number)
    frame = _FRAME if braille else _PLAIN_FRAME
    text = Text(title, style="bold")
    for row in range(height):
        text.append("\n" + _scale(row, height, *values).rjust(_LABEL) + " " + frame[0], style="dim")
        canvas.write(text, row)
        for number in ends.get(row, []):
            text.append(" " + curves[number].name, style=_style(number))
    text.append(_axis(*steps, width=canvas.width, frame=frame), style="dim")
    return text


def _ends(curves: Sequence[Curve], height: int, least: float, most: float) -> dict[int, list[int]]:
    """Numbers of the curves that end in each line."""
    ends: dict[int, list[int]] = {}
    for number, curve in enumerate(curves):
        share = _share(curve.points[-1].value, least, most, flip=True)
        ends.setdefault(min(int(share * height), height - 1), []).append(number)
    return ends


class _Canvas:
    """Cells of dots, each with the curve that was drawn into it last."""

    def __init__(self, width: int, height: int, braille: bool) -> None:
        self.width, self._braille = width, braille
        self._dots_down = _DOWN if braille else 1
        self.across = width * (_ACROSS if braille else 1)
        self.down = height * self._dots_down
        self._bits: dict[tuple[int, int], int] = {}
        self._curve: dict[tuple[int, int], int] = {}

    def line(self, begin: tuple[int, int], end: tuple[int, int], curve: int) -> None:
        """Draws a straight line between two dots."""
        (x, y), (to_x, to_y) = begin, end
        steps = max(abs(to_x - x), abs(to_y - y), 1)
        for step in range(steps + 1):
            share = step / steps
            self._dot(round(x + (to_x - x) * share), round(y + (to_y - y) * share), curve)

    def write(self, text: Text, row: int) -> None:
        """Appends one line of cells."""
        for column in range(self.width):
            bits = self._bits.get((row, column), 0)
            mark = chr(_BLANK + bits) if self._braille else "*"
            style = _style(self._curve.get((row, column), 0))
            text.append(mark if bits else " ", style=style if bits else "")

    def _dot(self, x: int, y: int, curve: int) -> None:
        across = _ACROSS if self._braille else 1
        cell = y // self._dots_down, x // across
        bit = _DOTS[y % _DOWN][x % _ACROSS] if self._braille else 1
        self._bits[cell] = self._bits.get(cell, 0) | bit
        self._curve[cell] = curve


def _style(number: int) -> str:
    return _STYLES[number % len(_STYLES)]


def _share(value: float, least: float, most: float, *, flip: bool = False) -> float:
    """Where a value lies between two others, from 0 to 1; in the middle where they are equal."""
    share = 0.5 if most == least else (value - least) / (most - least)
    return 1 - share if flip else share


def _scale(row: int, height: int, least: float, most: float) -> str:
    """The number beside a line: at the top, in the middle and at the bottom."""
    if most == least:
        return f"{most:.4g}" if row == height // 2 else ""
    if row in (0, height // 2, height - 1):
        return f"{most - (most - least) * row / (height - 1):.4g}"
    return ""


def _axis(first: int, last: int, *, width: int, frame: str) -> str:
    """The line below, and the steps at its ends."""
    line = f"\n{frame[1]:>{_LABEL + 2}}{frame[2] * width}"
    begin, end = str(first), f"step {last}"
    return f"{line}\n{' ' * (_LABEL + 2)}{begin}{end.rjust(width - len(begin))}"
