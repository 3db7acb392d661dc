"""The head of numbers: scale, metrics against scikit-learn and scipy, refusals."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from mlops_cli.errors import DataError
from mlops_cli.schemas.task import METRICS
from mlops_cli.tasks.heads import numbers
from mlops_cli.tasks.heads.number_metrics import number_metrics


@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_those_of_scikit_learn_and_scipy(seed: int) -> None:
    dice = np.random.default_rng(seed)
    true = dice.integers(0, 5, 40).astype(float)  # with ties
    predicted = np.round(true + dice.normal(size=40), 1)

    found = number_metrics(predicted, true)

    assert found == pytest.approx(
        {
            "mae": mean_absolute_error(true, predicted),
            "rmse": root_mean_squared_error(true, predicted),
            "r2": r2_score(true, predicted),
            "pearson": pearsonr(true, predicted)[0],
            "spearman": spearmanr(true, predicted)[0],
        }
    )
    assert found.keys() == METRICS["numbers"].keys()


def test_what_is_not_defined_is_nan() -> None:
    constant = number_metrics(np.full(3, 2.0), np.array([1.0, 2.0, 3.0]))
    assert np.isnan([constant["pearson"], constant["spearman"]]).all()
    assert constant["r2"] == 0
    assert np.isnan(number_metrics(np.array([1.0]), np.array([1.0]))["r2"])
    assert np.isnan(list(number_metrics(np.zeros(0), np.zeros(0)).values())).all()
    assert np.isnan(list(number_metrics(np.array([np.nan]), np.ones(1)).values())).all()


def test_the_network_works_on_a_scale_and_answers_are_in_the_unit_of_the_data() -> None:
    head = numbers.load(numbers.fit(["1000", "3000", " 2e3 "]).spec())

    targets = head.targets(["1000", "3000"])

    assert targets.dtype == np.float32
    assert targets == pytest.approx([-1.2247449, 1.2247449])
    answers = head.answers(targets.reshape(-1, 1), {}, [])
    assert [answer.cells() for answer in answers] == [{"value": 1000.0}, {"value": 3000.0}]
    assert head.metrics(targets.reshape(-1, 1), targets)["mae"] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("raw", ["", "many", "nan", "inf", "1,5"])
def test_what_is_no_finite_number_is_refused(raw: str) -> None:
    assert not numbers.fit(["1", "2"]).knows(raw)
    with pytest.raises(DataError, match="is no number"):
        numbers.fit(["1", raw])


def test_one_number_for_all_rows_teaches_nothing() -> None:
    with pytest.raises(DataError, match="every one of the 2 training rows has the target 7"):
        numbers.fit(["7", "7"])
