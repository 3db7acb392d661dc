"""A number: the head of every regression task.

The network works on targets of mean 0 and standard deviation 1 over the training rows, so that
learning rates suit any unit; metrics and answers are in the unit of the data.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.errors import DataError
from mlops_cli.schemas.predictions import NumberPrediction, Prediction
from mlops_cli.tasks import Columns, Outputs, cells, distribution
from mlops_cli.tasks.heads.number_metrics import number_metrics

_DIGITS = 7
"""What a float32 holds."""


@dataclass(frozen=True)
class Numbers:
    """One number a row.

    Attributes:
        mean: Of the training rows' targets.
        std: Their standard deviation, above 0.
    """

    mean: float
    std: float
    labels: tuple[str, ...] = ("value",)
    kind: str = "numbers"

    def knows(self, raw: str) -> bool:
        """Whether it is a finite number."""
        return cells.number(raw) is not None

    def targets(self, raw: Sequence[str], rows: Sequence[Any] = ()) -> NDArray[np.float32]:
        """Numbers (rows,), scaled as the network has them."""
        return ((parsed(raw) - self.mean) / self.std).astype(np.float32)

    def values(self, scaled: NDArray[np.float32]) -> NDArray[np.float64]:
        """Outputs (rows, 1) or targets (rows,) in the unit of the data: shape (rows,)."""
        unscaled: NDArray[np.float64] = scaled.reshape(-1).astype(np.float64) * self.std + self.mean
        return unscaled

    def metrics(self, outputs: Outputs, targets: NDArray[np.float32]) -> dict[str, float]:
        """Every scalar metric of numbers; see `number_metrics`."""
        return number_metrics(self.values(outputs), self.values(targets))

    def decisions(self, outputs: Outputs) -> NDArray[np.int64]:
        """Nothing is decided of a number: how far two engines are apart says it all."""
        return np.zeros(len(outputs), dtype=np.int64)

    @property
    def nothing(self) -> Prediction:
        """No number."""
        return NumberPrediction(None)

    def columns(self, top_k: int) -> list[str]:
        """The number."""
        return ["value"]

    def counted(self, answer: Prediction) -> Sequence[str]:
        """Numbers are not counted."""
        return ()

    def answers(
        self,
        outputs: Outputs,
        inputs: Columns,
        rows: Sequence[Any],
        *,
        top_k: int = 1,
        threshold: float = 0.0,
    ) -> list[Prediction]:
        """The numbers, in the digits that a float32 holds."""
        found = self.values(outputs).tolist()
        return [NumberPrediction(float(f"{value:.{_DIGITS}g}")) for value in found]

    def describe_targets(self, raw: Sequence[str]) -> dict[str, Any]:
        """Moments, quantiles and a histogram."""
        return {"values": distribution.numbers(parsed(raw))}

    def describe_outputs(self, outputs: Outputs) -> dict[str, Any]:
        """The same of the answers."""
        return {"rows": len(outputs), "values": distribution.numbers(self.values(outputs))}

    def spec(self) -> dict[str, Any]:
        """The scale."""
        return {"mean": self.mean, "std": self.std}


def fit(raw: Sequence[str]) -> Numbers:
    """The head for targets like these.

    Raises:
        DataError: One is no number, or all are the same.
    """
    values = parsed(raw)
    mean, std = float(values.mean()), float(values.std())
    if not std > 0 or not math.isfinite(std):
        raise DataError(
            f"every one of the {len(values)} training rows has the target {raw[0]}",
            hint="there is nothing to learn: is data.label the right column?",
        )
    return Numbers(mean, std)


def load(spec: dict[str, Any]) -> Numbers:
    """Makes the head again. Raises DataError when the spec is damaged."""
    try:
        return Numbers(float(spec["mean"]), float(spec["std"]))
    except (TypeError, ValueError) as error:
        raise DataError("the task's scale is damaged", hint="train again: mlops train") from error


def parsed(raw: Sequence[str]) -> NDArray[np.float64]:
    """The numbers (rows,). Raises DataError where one is none."""
    return np.fromiter(map(_number, raw), np.float64, len(raw))


def _number(cell: str) -> float:
    value = cells.number(cell)
    if value is None:
        raise DataError(
            f"target {cell!r} is no number",
            hint="a column of numbers: data.label=COLUMN; or task=text_classification",
        )
    return value
