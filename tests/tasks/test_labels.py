"""The head of any number of labels: cells, metrics against scikit-learn, answers."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    hamming_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from mlops_cli.errors import DataError
from mlops_cli.schemas.task import METRICS
from mlops_cli.tasks import cells
from mlops_cli.tasks.heads import labels
from mlops_cli.tasks.heads.label_metrics import label_metrics, per_label


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("a|b", ["a", "b"]),
        (" a | b |a| ", ["a", "b"]),
        ("", []),
        ('["x|y", "b", 3]', ["x|y", "b", "3"]),
        ("[]", []),
        ("[a|b", ["[a", "b"]),
    ],
)
def test_labels_in_a_cell(cell: str, expected: list[str]) -> None:
    assert cells.names(cell, "|") == expected


@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_those_of_scikit_learn(seed: int) -> None:
    dice = np.random.default_rng(seed)
    true = dice.random((30, 4)) < [0.5, 0.2, 0.8, 0.05]
    true[0] = [True, True, True, True]
    true[1] = False
    scores = dice.random((30, 4))
    chosen = scores >= 0.6
    chosen[:, 3] = False

    found = label_metrics(scores, chosen, true)

    expected = {
        f"{name}_{average}": score(true, chosen, average=average, zero_division=0)
        for name, average, score in (
            ("f1", "micro", f1_score),
            ("f1", "macro", f1_score),
            ("precision", "micro", precision_score),
            ("recall", "micro", recall_score),
        )
    }
    expected["subset_accuracy"] = accuracy_score(true, chosen)
    expected["hamming_loss"] = hamming_loss(true, chosen)
    expected["auroc"] = roc_auc_score(true, scores)
    assert found == pytest.approx(expected)
    assert found.keys() == METRICS["labels"].keys()
    figures = f1_score(true, chosen, average=None, zero_division=0)
    assert per_label(chosen, true).f1 == pytest.approx(figures)


def test_answers_keep_the_labels_from_the_threshold_on_best_first() -> None:
    head = labels.load(labels.fit(["a|b", "", "c"], "|", 0.5).spec())
    outputs = np.array([[1.0, 2.0, -3.0], [-1.0, -1.0, -1.0]], dtype=np.float32)

    first, none = head.answers(outputs, {}, [], top_k=2)

    assert first.words == "b|a"
    assert first.cells()["scores"] == {"b": 0.880797, "a": 0.731059}
    assert none.words == ""
    assert head.answers(outputs, {}, [], threshold=0.8)[0].words == "b"


def test_unknown_labels_are_told_and_rows_without_labels_are_fine() -> None:
    head = labels.fit(["a", "b|a"], "|", 0.5)

    assert head.targets(["", "b"]).tolist() == [[0, 0], [0, 1]]
    assert head.knows("")
    assert not head.knows("a|z")
    with pytest.raises(DataError, match="'z' does not occur"):
        head.targets(["a|z"])
    with pytest.raises(DataError, match="none of the 2 training rows has a label"):
        labels.fit(["", " | "], "|", 0.5)
