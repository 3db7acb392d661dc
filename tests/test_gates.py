"""Gates on metrics: numbers, other runs, and what is never good enough."""

import json
import math
from pathlib import Path

import pytest

from mlops_cli import gates
from mlops_cli.errors import ConfigError, DataError, GateError, NotFoundError
from mlops_cli.tracking import record


def check(conditions, metrics, root=Path(), split="validation", run=None):
    return gates.check(gates.bars(conditions, root=root, split=split, run=run), metrics)


def trained(root, name, **metrics):
    """A finished run whose training recorded these validation metrics."""
    run = record.create(root, name, {"monitor": "mcc"}, "", [])
    run.update(status="finished", metrics={f"val/{key}": value for key, value in metrics.items()})
    return run


def evaluated(run, split, **metrics):
    run.evaluation.mkdir(exist_ok=True)
    (run.evaluation / f"{split}.json").write_text(json.dumps({"metrics": metrics}))


@pytest.mark.parametrize(
    ("condition", "value", "passes"),
    [
        (">= 0.25", 0.25, True),
        (">= 0.25", 0.2499, False),
        ("> 0.25", 0.25, False),
        ("<= 0.25", 0.25, True),
        ("< 0.25", 0.25, False),
        (">= -1", -0.5, True),
        (">= 0.25", math.nan, False),
        ("<= 0.25", math.nan, False),
    ],
)
def test_a_number_is_a_bar(condition, value, passes):
    (outcome,) = check({"mcc": condition}, {"mcc": value})
    assert outcome.passed is passes
    assert (outcome.metric, outcome.condition) == ("mcc", condition)


def test_every_failed_gate_is_named_with_its_value():
    outcomes = check(
        {"mcc": ">= 0.5", "accuracy": ">= 0.5", "log_loss": "<= 0.3"},
        {"mcc": 0.4, "accuracy": 0.9, "log_loss": 0.31},
    )
    assert [outcome.passed for outcome in outcomes] == [False, True, False]
    with pytest.raises(GateError) as raised:
        gates.require(outcomes)
    assert raised.value.exit_code == 6
    assert raised.value.message == (
        "2 gates failed: mcc is 0.4000, must be >= 0.5; log_loss is 0.3100, must be <= 0.3"
    )


def test_gates_that_pass_raise_nothing():
    gates.require(check({"mcc": ">= 0.5"}, {"mcc": 0.5}))
    gates.require(check({}, {"mcc": 0.5}))


def test_a_metric_the_task_lacks_does_not_pass():
    (outcome,) = check({"auroc": ">= 0"}, {"mcc": 0.5})
    assert not outcome.passed


def test_another_run_is_a_bar_by_what_its_training_recorded(tmp_path):
    trained(tmp_path, "weak", mcc=0.2)
    trained(tmp_path, "strong", mcc=0.6)
    (outcome,) = check({"mcc": ">= run:best - 0.05"}, {"mcc": 0.56}, tmp_path)
    assert outcome.passed
    assert outcome.threshold == pytest.approx(0.55)
    (outcome,) = check({"mcc": ">= run:best - 0.05"}, {"mcc": 0.54}, tmp_path)
    with pytest.raises(GateError, match=r"mcc is 0.5400, must be >= run:best - 0.05 = 0.5500"):
        gates.require([outcome])


def test_an_evaluation_of_the_same_split_wins_over_the_training(tmp_path):
    other = trained(tmp_path, "other", mcc=0.6)
    evaluated(other, "validation", mcc=0.7)
    evaluated(other, "test", mcc=0.1)
    for split, threshold in (("validation", 0.7), ("test", 0.1)):
        (outcome,) = check({"mcc": f">= run:{other.id}"}, {"mcc": 0.5}, tmp_path, split)
        assert outcome.threshold == threshold


def test_a_run_that_was_not_evaluated_on_the_split_says_what_to_type(tmp_path):
    other = trained(tmp_path, "other", mcc=0.6)
    with pytest.raises(NotFoundError, match="not evaluated on test") as raised:
        check({"mcc": ">= run:latest"}, {"mcc": 0.5}, tmp_path, "test")
    assert raised.value.hint == f"mlops evaluate {other.id} --split test"


def test_a_figure_that_training_rounded_equals_itself(tmp_path):
    trained(tmp_path, "other", mcc=0.6, accuracy=0.6890000104904175)  # float32 of 0.689
    for condition, passes in ((">= run:best", True), ("> run:best", False)):
        (outcome,) = check({"accuracy": condition}, {"accuracy": 0.689}, tmp_path)
        assert outcome.passed is passes


def test_a_nan_of_the_other_run_does_not_pass(tmp_path):
    evaluated(trained(tmp_path, "other"), "test", auroc=None)
    (outcome,) = check({"auroc": ">= run:latest"}, {"auroc": 0.5}, tmp_path, "test")
    assert not outcome.passed


def test_a_run_is_as_good_as_itself(tmp_path):
    run = trained(tmp_path, "only", mcc=0.6)
    (outcome,) = check({"mcc": ">= run:best"}, {"mcc": 0.59}, tmp_path, run=run)
    assert outcome.passed
    (outcome,) = check({"mcc": "> run:best"}, {"mcc": 0.61}, tmp_path, run=run)
    assert not outcome.passed


def test_a_missing_run_is_told_before_anything_is_evaluated(tmp_path):
    trained(tmp_path, "other", mcc=0.6)
    with pytest.raises(NotFoundError, match="no run 'lates'") as raised:
        gates.bars({"mcc": ">= run:lates"}, root=tmp_path, split="validation")
    assert raised.value.hint == "did you mean latest?"


def test_a_broken_evaluation_is_named(tmp_path):
    other = trained(tmp_path, "other", mcc=0.6)
    other.evaluation.mkdir()
    (other.evaluation / "validation.json").write_text("{")
    with pytest.raises(DataError, match=r"validation\.json is not an evaluation"):
        check({"mcc": ">= run:latest"}, {"mcc": 0.5}, tmp_path)


def test_a_condition_that_cannot_be_read_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match=r"gates\.mcc"):
        check({"mcc": "at least 0.3"}, {"mcc": 0.5}, tmp_path)
