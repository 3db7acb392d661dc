"""One label of several: the head of every classification task."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.errors import DataError
from mlops_cli.schemas.predictions import ClassPrediction, Prediction
from mlops_cli.tasks import Columns, Outputs
from mlops_cli.tasks.distribution import shares
from mlops_cli.tasks.heads.classification_metrics import classification_metrics, softmax


@dataclass(frozen=True)
class Classes:
    """One class a row, by softmax.

    Attributes:
        labels: Class names; their position is the class id.
        calibration_bins: Equal-width bins of the calibration error.
    """

    labels: tuple[str, ...]
    calibration_bins: int = 15
    kind: str = "classes"

    def knows(self, raw: str) -> bool:
        """Whether it is one of the labels."""
        return raw in self.labels

    def targets(self, raw: Sequence[str], rows: Sequence[Any] = ()) -> NDArray[np.int64]:
        """Label names to class ids (rows,)."""
        ids = {label: position for position, label in enumerate(self.labels)}
        unknown = sorted(set(raw) - ids.keys())
        if unknown:
            raise DataError(
                f"label {unknown[0]!r} does not occur in the training split",
                hint=f"known labels: {', '.join(self.labels)}",
            )
        return np.array([ids[target] for target in raw], dtype=np.int64)

    def probabilities(self, outputs: Outputs) -> NDArray[np.float64]:
        """Logits (rows, classes) to probabilities of the same shape."""
        return softmax(outputs)

    def metrics(self, outputs: Outputs, targets: NDArray[np.int64]) -> dict[str, float]:
        """Every scalar classification metric; see `classification_metrics`."""
        return classification_metrics(softmax(outputs), targets, bins=self.calibration_bins)

    def decisions(self, outputs: Outputs) -> NDArray[np.int64]:
        """The class id of each row."""
        decided: NDArray[np.int64] = outputs.argmax(axis=-1)
        return decided

    @property
    def nothing(self) -> Prediction:
        """No label."""
        return ClassPrediction(None, None, {})

    def columns(self, top_k: int) -> list[str]:
        """Label and score; with several labels, their scores."""
        return ["label", "score"] + ["scores"] * (top_k > 1)

    def counted(self, answer: Prediction) -> Sequence[str]:
        """The label."""
        return [answer.words] if answer.words else []

    def answers(
        self,
        outputs: Outputs,
        inputs: Columns,
        rows: Sequence[Any],
        *,
        top_k: int = 1,
        threshold: float = 0.0,
    ) -> list[Prediction]:
        """The most likely labels with their probabilities; none below the threshold."""
        if not len(outputs):
            return []
        scores = softmax(outputs)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
        answers: list[Prediction] = []
        for row, places in enumerate(best.tolist()):
            named = {self.labels[place]: round(float(scores[row, place]), 6) for place in places}
            score = float(scores[row, places[0]])
            label = self.labels[places[0]] if score >= threshold else None
            answers.append(ClassPrediction(label, round(score, 6), named))
        return answers

    def describe_targets(self, raw: Sequence[str]) -> dict[str, Any]:
        """Rows of each label."""
        return {"labels": dict(sorted(Counter(raw).items()))}

    def describe_outputs(self, outputs: Outputs) -> dict[str, Any]:
        """Answers of each label, and how sure the model is of them."""
        scores = softmax(outputs)
        given = np.bincount(scores.argmax(axis=1), minlength=len(self.labels)).tolist()
        return {
            "rows": len(scores),
            "labels": dict(zip(self.labels, given, strict=True)),
            "confidence": shares(scores.max(axis=1)),
        }

    def spec(self) -> dict[str, Any]:
        """Labels and bins."""
        return {"labels": list(self.labels), "calibration_bins": self.calibration_bins}


def load(spec: dict[str, Any]) -> Classes:
    """Makes the head again. Raises DataError when the spec is damaged."""
    try:
        return Classes(tuple(spec["labels"]), int(spec["calibration_bins"]))
    except (TypeError, ValueError) as error:
        raise DataError("the task's labels are damaged", hint="train again: mlops train") from error


def label_names(targets: Iterable[str]) -> tuple[str, ...]:
    """The labels in a stable order: by value when all are whole numbers, else by name."""
    labels = set(targets)
    if all(label.lstrip("-").isdecimal() for label in labels):
        return tuple(sorted(labels, key=int))
    return tuple(sorted(labels))
