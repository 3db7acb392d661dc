"""Curves drawn with characters."""

import pytest

from mlops_cli.reports.chart import Curve, draw
from mlops_cli.schemas.runs import Point


def curve(name, *values):
    return Curve(name, [Point(10 * step, value) for step, value in enumerate(values)])


def lines(*curves, **options):
    chart = draw("val/mcc", curves, width=30, height=5, **options)
    return [line.rstrip() for line in chart.plain.splitlines()]


def test_a_line_goes_from_the_first_value_to_the_last():
    assert lines(curve("", 0.0, 1.0)) == [
        "val/mcc",
        "        1 │              ⢀⡠⠔⠊",
        "          │           ⣀⠔⠊⠁",
        "      0.5 │       ⣀⠤⠒⠉",
        "          │   ⢀⡠⠔⠉",
        "        0 │⡠⠔⠊⠁",
        "          └──────────────────",
        "           0          step 10",
    ]


def test_ascii_draws_the_same_line_with_stars():
    assert lines(curve("", 0.0, 1.0), braille=False) == [
        "val/mcc",
        "        1 |               ***",
        "          |           ****",
        "      0.5 |       ****",
        "          |   ****",
        "        0 |***",
        "          +------------------",
        "           0          step 10",
    ]


def test_each_curve_is_named_where_it_ends():
    drawn = lines(curve("A", 0, 1), curve("B", 0, 0), curve("C", 1, 1), braille=False)
    assert drawn[1].endswith("A C")
    assert drawn[5].endswith("B")
    assert max(map(len, drawn)) <= 30


def test_equal_values_lie_in_the_middle():
    drawn = lines(curve("", 0.25, 0.25), braille=False)
    assert drawn[3].startswith("     0.25 |***")


@pytest.mark.parametrize("curves", [(), (curve("A"),), (curve("A", 1.0),)])
def test_too_few_points_give_no_chart(curves):
    assert draw("val/mcc", curves) is None


def test_curves_of_different_length_share_their_steps():
    drawn = lines(curve("A", 0, 1, 2, 3, 4), curve("B", 4, 0), braille=False)
    assert drawn[-1].split() == ["0", "step", "40"]
    assert drawn[5].index("*") < 20
