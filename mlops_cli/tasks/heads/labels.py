"""Any number of labels: the head of every multi-label task."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.errors import DataError
from mlops_cli.schemas.predictions import LabelsPrediction, Prediction
from mlops_cli.tasks import Columns, Outputs, cells, distribution
from mlops_cli.tasks.heads.classes import label_names
from mlops_cli.tasks.heads.label_metrics import label_metrics, sigmoid


@dataclass(frozen=True)
class Labels:
    """Any number of labels a row, each by a sigmoid of its own.

    Attributes:
        labels: Label names; their position is the label's column.
        separator: What stands between the labels of a row.
        threshold: From this probability on, a row gets a label.
    """

    labels: tuple[str, ...]
    separator: str = "|"
    threshold: float = 0.5
    kind: str = "labels"

    def knows(self, raw: str) -> bool:
        """Whether all of them are among the labels."""
        return set(cells.names(raw, self.separator)) <= set(self.labels)

    def targets(self, raw: Sequence[str], rows: Sequence[Any] = ()) -> NDArray[np.float32]:
        """1 where a row has a label, else 0: (rows, labels)."""
        places = {label: position for position, label in enumerate(self.labels)}
        found = np.zeros((len(raw), len(places)), dtype=np.float32)
        for row, cell in enumerate(raw):
            for label in cells.names(cell, self.separator):
                if label not in places:
                    raise DataError(
                        f"label {label!r} does not occur in the training split",
                        hint=f"known labels: {', '.join(self.labels)}",
                    )
                found[row, places[label]] = 1
        return found

    def chosen(self, outputs: Outputs) -> NDArray[np.bool_]:
        """Which labels each row gets: (rows, labels)."""
        # Held against the logit of the threshold, as the scores are rounded.
        given: NDArray[np.bool_] = outputs >= math.log(self.threshold / (1 - self.threshold))
        return given

    def metrics(self, outputs: Outputs, targets: NDArray[np.float32]) -> dict[str, float]:
        """Every scalar metric of labels; see `label_metrics`."""
        return label_metrics(sigmoid(outputs), self.chosen(outputs), targets > 0)

    def decisions(self, outputs: Outputs) -> NDArray[np.bool_]:
        """Which labels each row gets."""
        return self.chosen(outputs)

    @property
    def nothing(self) -> Prediction:
        """No labels."""
        return LabelsPrediction([], {}, self.separator)

    def columns(self, top_k: int) -> list[str]:
        """The labels; with several, their scores."""
        return ["labels"] + ["scores"] * (top_k > 1)

    def counted(self, answer: Prediction) -> Sequence[str]:
        """Each of the labels."""
        assert isinstance(answer, LabelsPrediction)
        return answer.labels

    def answers(
        self,
        outputs: Outputs,
        inputs: Columns,
        rows: Sequence[Any],
        *,
        top_k: int = 1,
        threshold: float = 0.0,
    ) -> list[Prediction]:
        """The labels from the threshold on, the task's own where it is 0."""
        scores = sigmoid(outputs)
        chosen = scores >= threshold if threshold else self.chosen(outputs)
        order = np.argsort(-scores, axis=1, kind="stable")
        answers: list[Prediction] = []
        for row, places in enumerate(order.tolist()):
            named = {
                self.labels[place]: round(float(scores[row, place]), 6) for place in places[:top_k]
            }
            given = [self.labels[place] for place in places if chosen[row, place]]
            answers.append(LabelsPrediction(given, named, self.separator))
        return answers

    def describe_targets(self, raw: Sequence[str]) -> dict[str, Any]:
        """Rows of each label, and labels of a row."""
        found = [cells.names(cell, self.separator) for cell in raw]
        occurring = Counter(label for labels in found for label in labels)
        return {
            "labels": {label: occurring[label] for label in self.labels},
            "labels_of_a_row": distribution.counts(np.array([len(labels) for labels in found])),
        }

    def describe_outputs(self, outputs: Outputs) -> dict[str, Any]:
        """The same of the answers, and how sure the model is of those given."""
        chosen, scores = self.chosen(outputs), sigmoid(outputs)
        return {
            "rows": len(outputs),
            "labels": dict(zip(self.labels, chosen.sum(axis=0).tolist(), strict=True)),
            "labels_of_a_row": distribution.counts(chosen.sum(axis=1)),
            "confidence": distribution.shares(scores.max(axis=1)),
        }

    def spec(self) -> dict[str, Any]:
        """Labels, separator and threshold."""
        return {
            "labels": list(self.labels),
            "separator": self.separator,
            "threshold": self.threshold,
        }


def fit(raw: Sequence[str], separator: str, threshold: float) -> Labels:
    """The head for the labels of training rows.

    Raises:
        DataError: No row has a label.
    """
    found = {label for cell in raw for label in cells.names(cell, separator)}
    if not found:
        raise DataError(
            f"none of the {len(raw)} training rows has a label",
            hint="is data.label the right column, and task.separator what stands between labels?",
        )
    return Labels(label_names(found), separator, threshold)


def load(spec: dict[str, Any]) -> Labels:
    """Makes the head again. Raises DataError when the spec is damaged."""
    try:
        labels, threshold = tuple(spec["labels"]), float(spec["threshold"])
        return Labels(labels, str(spec["separator"]), threshold)
    except (TypeError, ValueError) as error:
        raise DataError("the task's labels are damaged", hint="train again: mlops train") from error
