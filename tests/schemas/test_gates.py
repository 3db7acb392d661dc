"""The grammar of gates."""

import pytest

from mlops_cli.errors import ConfigError
from mlops_cli.schemas.gates import Gate, parse_gate


@pytest.mark.parametrize(
    ("text", "gate", "written"),
    [
        (">= 0.25", Gate("mcc", ">=", 0.25), "mcc >= 0.25"),
        (" <-1e-3 ", Gate("mcc", "<", -0.001), "mcc < -0.001"),
        ("==.5", Gate("mcc", "==", 0.5), "mcc == 0.5"),
        (">= run:best", Gate("mcc", ">=", 0, "best"), "mcc >= run:best"),
        (
            ">= run:best:accuracy - 0.01",
            Gate("mcc", ">=", 0, "best:accuracy", -0.01),
            "mcc >= run:best:accuracy - 0.01",
        ),
        (
            "> run:20250101-120000-tiny-ab12 + 1e-2",
            Gate("mcc", ">", 0, "20250101-120000-tiny-ab12", 0.01),
            "mcc > run:20250101-120000-tiny-ab12 + 0.01",
        ),
    ],
)
def test_a_condition_is_read_and_written(text, gate, written):
    assert parse_gate("mcc", text) == gate
    assert str(gate) == written


@pytest.mark.parametrize(
    "text",
    ["", "0.5", "=> 0.5", ">= abc", ">= nan", ">= run:", ">= run:best - x", ">= 0.5 0.6", "!= 1"],
)
def test_an_unreadable_condition_is_told(text):
    with pytest.raises(ConfigError) as caught:
        parse_gate("mcc", text)
    assert caught.value.message == f"gates.mcc: can't read the condition {text!r}"
    assert "gates.mcc='>= " in caught.value.hint


def test_an_unknown_metric_is_told():
    with pytest.raises(ConfigError) as caught:
        parse_gate("acuracy", ">= 0.5")
    assert caught.value.hint == "did you mean gates.accuracy?"


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        (">= 0.5", 0.5, True),
        ("> 0.5", 0.5, False),
        ("<= 0.5", 0.6, False),
        ("< 0.5", 0.4, True),
        ("== 0.5", 0.5, True),
        (">= 0.5", float("nan"), False),
    ],
)
def test_a_gate_holds_or_not(text, value, holds):
    gate = parse_gate("mcc", text)
    assert gate.holds(value, gate.number) is holds
