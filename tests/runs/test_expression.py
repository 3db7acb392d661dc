"""Conditions of `mlops runs list --where`."""

import pytest

from mlops_cli.errors import UsageError
from mlops_cli.runs import expression

RUN = {
    "val/mcc": 0.42,
    "val/loss": float("nan"),
    "lr": 3e-5,
    "model": "bert",
    "status": "finished",
    "started": "2026-07-02T10:00:00.000+00:00",
    "trainer.group_by_length": True,
    "seed": 0,
    "note": "and so on",
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("val/mcc > 0.4", True),
        ("val/mcc>0.42", False),
        ("val/mcc>=.42", True),
        ("val/mcc > 0.4 and model=bert", True),
        ("val/mcc > 0.4 AND model==tiny", False),
        ("model=tiny or lr < 1e-4", True),
        ("model=tiny or model=bert and lr > 1", False),
        ("(model=tiny or model=bert) and lr = 0.00003", True),
        ("not model=tiny", True),
        ("not not model=tiny", False),
        ("not (model=bert and seed=0)", False),
        ("model ~ ER", True),
        ("model !~ er", False),
        ("started >= 2026-07", True),
        ("started < 2026-07-02", False),
        ("trainer.group_by_length = true", True),
        ("note = 'and so on'", True),
        ('note ~ "and"', True),
        ("seed = 0", True),
        ("seed = '0'", True),
        ("model > 3", True),  # As text: letters come after digits.
        ("seed > abc", False),  # A number is in no order with a word.
        ("val/loss < 1", False),
        ("val/loss > 1", False),
        ("missing = 1", False),
        ("missing != 1", True),
        ("missing < 1", False),
        ("missing = null", True),
        ("model != null", True),
        ("missing ~ a", False),
        ("missing !~ a", True),
    ],
)
def test_a_condition_holds_or_not(text, holds):
    assert expression.read(text).holds(RUN.get) is holds


@pytest.mark.parametrize(
    ("text", "place", "said", "hint"),
    [
        ("", 0, "empty", "val/mcc"),
        ("lr", 2, "not compared", "lr = VALUE"),
        ("lr =", 4, "missing at the end", ""),
        ("lr = and", 5, "value is missing", '"and"'),
        ("(lr=1", 0, "not closed", "add a )"),
        ("lr=1)", 4, "not opened", "remove it"),
        ("lr=1 && seed=0", 5, "not expected", "did you mean and?"),
        ("lr=1 seed=0", 5, "not expected", "and, or"),
        ("lr in (1,2)", 3, "not compared", "lr=A or lr=B"),
        ("model is bert", 6, "not compared", "model = VALUE"),
        ("model='bert", 6, "quote is not closed", "add a '"),
        ("! lr=1", 0, "not expected", "did you mean not?"),
        ("lr = 1 or", 9, "missing at the end", ""),
        ("= 3", 0, "name is missing", ""),
    ],
)
def test_a_mistake_is_pointed_at(text, place, said, hint):
    with pytest.raises(UsageError) as error:
        expression.read(text)
    first, _, caret = error.value.message.split("\n")
    assert said in first
    assert caret == " " * (place + 2) + "^"
    assert hint in error.value.hint


def test_nothing_of_a_condition_is_run_as_code():
    condition = expression.read("__import__ = os and exec ~ \"print('x')\"")
    assert not condition.holds(RUN.get)
