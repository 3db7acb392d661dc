"""Every metric against scikit-learn, over random and degenerate cases."""

import time
import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from mlops_cli.schemas.task import METRICS
from mlops_cli.tasks.heads.classification_metrics import (
    calibration,
    classification_metrics,
    confusion_matrix,
    per_class,
    softmax,
)


def scikit_learn(probabilities, targets):
    """The same figures by scikit-learn, except the calibration error, which it lacks."""
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    expected = {
        "accuracy": sk.accuracy_score(targets, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(targets, predicted),
        "mcc": sk.matthews_corrcoef(targets, predicted),
        "log_loss": sk.log_loss(targets, probabilities, labels=range(classes)),
    }
    for name in ("precision", "recall", "f1"):
        score = getattr(sk, f"{name}_score")
        for average in ("macro", "weighted"):
            expected[f"{name}_{average}"] = score(
                targets, predicted, average=average, zero_division=0
            )
    if len(set(targets)) < classes:
        expected["auroc"] = float("nan")
    elif classes == 2:
        expected["auroc"] = sk.roc_auc_score(targets, probabilities[:, 1])
    else:
        expected["auroc"] = sk.roc_auc_score(targets, probabilities, multi_class="ovr")
    return expected


def naive_calibration_error(probabilities, targets, bins):
    """Guo et al. (2017), equation 3, as a loop."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    total = 0.0
    for place in range(bins):
        inside = (confidence > place / bins) & (confidence <= (place + 1) / bins)
        if inside.any():
            gap = abs(confidence[inside].mean() - right[inside].mean())
            total += gap * inside.mean()
    return total


def agrees(probabilities, targets, bins=15):
    found = classification_metrics(probabilities, targets, bins=bins)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = scikit_learn(probabilities, targets)
    expected["calibration_error"] = naive_calibration_error(probabilities, targets, bins)
    assert found.keys() == METRICS["classes"].keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("seed", range(150))
def test_random_cases_agree(seed):
    random = np.random.default_rng(seed)
    classes = int(random.integers(2, 8))
    rows = int(random.integers(1, 200))
    # Rounded logits make ties; weights of the classes make rare and absent ones.
    logits = random.normal(size=(rows, classes)).astype(np.float32)
    logits = logits.round(int(random.integers(0, 4)))
    frequency = random.dirichlet(np.full(classes, 0.5))
    targets = random.choice(classes, size=rows, p=frequency).astype(np.int64)
    agrees(softmax(logits), targets, bins=int(random.integers(2, 30)))


def one_hot(predicted, classes):
    return np.eye(classes)[predicted]


@pytest.mark.parametrize(
    ("predicted", "targets", "classes"),
    [
        pytest.param([0, 0, 0, 0], [0, 1, 0, 1], 2, id="a class never predicted"),
        pytest.param([0, 1, 2, 2], [0, 1, 1, 0], 3, id="a class absent, yet predicted"),
        pytest.param([0, 1, 1, 0], [0, 1, 1, 1], 4, id="two classes neither present nor predicted"),
        pytest.param([1, 1, 1], [1, 1, 1], 2, id="one class only, all right"),
        pytest.param([0, 0, 0], [1, 1, 1], 2, id="one class only, all wrong"),
        pytest.param([2], [2], 3, id="one row, right"),
        pytest.param([0], [1], 2, id="one row, wrong"),
        pytest.param([0, 1, 2], [0, 1, 2], 3, id="perfect"),
        pytest.param([1, 2, 0], [0, 1, 2], 3, id="nothing right"),
    ],
)
def test_degenerate_cases_agree(predicted, targets, classes):
    agrees(one_hot(predicted, classes), np.array(targets))


def test_equal_scores_count_half():
    probabilities = np.full((4, 2), 0.5)
    agrees(probabilities, np.array([0, 1, 1, 0]))
    found = classification_metrics(probabilities, np.array([0, 1, 1, 0]), bins=10)
    assert found["auroc"] == 0.5


def test_auroc_reads_the_second_class():
    good = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert classification_metrics(good, np.array([0, 1]), bins=10)["auroc"] == 1.0
    assert classification_metrics(good, np.array([1, 0]), bins=10)["auroc"] == 0.0


def test_a_certain_mistake_has_a_finite_log_loss():
    found = classification_metrics(np.array([[1.0, 0.0]]), np.array([1]), bins=10)
    assert found["log_loss"] == pytest.approx(-np.log(np.finfo(np.float64).eps))


def test_no_rows_and_nan_are_not_a_score():
    nothing = classification_metrics(np.zeros((0, 2)), np.zeros(0, np.int64), bins=10)
    broken = classification_metrics(np.array([[np.nan, np.nan]]), np.array([0]), bins=10)
    assert all(np.isnan(value) for value in (*nothing.values(), *broken.values()))


def test_confusion_matrix_has_truth_in_rows():
    predicted, targets = np.array([0, 2, 2, 1]), np.array([0, 1, 2, 1])
    matrix = confusion_matrix(predicted, targets, 3)
    assert matrix.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    assert matrix.tolist() == sk.confusion_matrix(targets, predicted).tolist()


def test_per_class_agrees():
    random = np.random.default_rng(3)
    predicted, targets = random.integers(0, 4, 60), random.integers(0, 5, 60)
    scores = per_class(confusion_matrix(predicted, targets, 6))
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        targets, predicted, labels=range(6), zero_division=0
    )
    assert scores.precision == pytest.approx(precision)
    assert scores.recall == pytest.approx(recall)
    assert scores.f1 == pytest.approx(f1)
    assert scores.support.tolist() == support.tolist()
    assert scores.predicted.tolist() == np.bincount(predicted, minlength=6).tolist()


def test_calibration_bins_are_open_below_and_closed_above():
    probabilities = np.array([[0.5, 0.5], [0.4, 0.6], [0.0, 1.0]])
    found = calibration(probabilities, np.array([0, 0, 1]), bins=10)
    assert found.count.tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0, 1]
    assert found.accuracy.tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert found.error() == pytest.approx((0.5 + 0.6 + 0.0) / 3)


def test_softmax_of_large_logits_is_finite():
    found = softmax(np.array([[1000.0, 0.0], [-1000.0, -1000.0]], dtype=np.float32))
    assert found.tolist() == [[1.0, 0.0], [0.5, 0.5]]
    assert found.dtype == np.float64


def test_a_million_rows_take_seconds():
    random = np.random.default_rng(0)
    probabilities = softmax(random.normal(size=(1_000_000, 2)).astype(np.float32))
    targets = random.integers(0, 2, 1_000_000)
    started = time.perf_counter()
    found = classification_metrics(probabilities, targets, bins=15)
    assert time.perf_counter() - started < 10  # about half a second on an idle core
    assert found["auroc"] == pytest.approx(0.5, abs=0.01)
