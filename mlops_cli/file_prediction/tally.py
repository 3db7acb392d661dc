"""What is counted of a file's answers, in bounded memory."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.tables import Table
from mlops_cli.file_prediction.answering import Row
from mlops_cli.prediction import Answers
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.predictions import FilePredictResult
from mlops_cli.serving.runtime import Predictor
from mlops_cli.tasks import IGNORED, Outputs, Targets, joined

_KEPT = 32 * 2**20
"""Bytes of outputs and targets: those of two million rows of two classes."""


@dataclass
class Tally:
    """Counts the answers and keeps what the metrics need: outputs and targets of labelled rows.

    Metrics such as the AUROC need all rows at once. So that a file of any length fits in memory,
    half of the labelled rows, drawn by chance, are given up whenever what is kept outgrows `_KEPT`
    bytes. (Every second row would not do: rows may lie in turns.)

    Attributes:
        predictor: Answers.
        table: The rows' file.
        label_column: The column of the labels; None where there is none.
    """

    predictor: Predictor
    table: Table
    label_column: str | None
    rows: int = 0
    without_text: int = 0
    abstained: int = 0
    unknown: int = 0
    shortened: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    share: float = 1.0
    lots: list[NDArray[np.float64]] = field(default_factory=list)
    outputs: list[Outputs] = field(default_factory=list)
    targets: list[Targets] = field(default_factory=list)
    _chance: np.random.Generator = field(default_factory=partial(np.random.default_rng, 0))

    def add(self, window: Sequence[Row], found: Answers) -> None:
        """Takes the next rows."""
        answers = [found.answers[place] for place in found.there]
        self.rows += len(window)
        self.without_text += len(window) - len(answers)
        self.shortened += sum(len(row) > len(self.table.columns) for row in window)
        head = self.predictor.task.head
        self.labels.update(label for answer in answers for label in head.counted(answer))
        self.abstained += sum(not answer.words for answer in answers)
        if self.label_column is None:
            return
        # No label is an answer where a row may have any number of them.
        several = head.kind == "labels"
        targets = [(window[place][self.label_column] or "").strip() for place in found.there]
        given = [place for place, target in enumerate(targets) if target or several]
        kept = [place for place in given if head.knows(targets[place])]
        self.unknown += len(given) - len(kept)
        lots = self._chance.random(len(kept))
        kept = [place for place, lot in zip(kept, lots, strict=True) if lot < self.share]
        rows = [found.rows[place] for place in kept]
        self.lots.append(lots[lots < self.share])
        self.outputs.append(found.outputs[kept])
        self.targets.append(head.targets([targets[place] for place in kept], rows))
        if sum(part.nbytes for part in (*self.outputs, *self.targets)) > _KEPT:
            self._halve()

    def _halve(self) -> None:
        """Gives up half of the rows that are kept to judge by."""
        self.share /= 2
        for place, lots in enumerate(self.lots):
            stays = lots < self.share
            self.lots[place] = lots[stays]
            self.outputs[place] = self.outputs[place][stays]
            self.targets[place] = self.targets[place][stays]

    def warn(self, reporter: Reporter) -> None:
        """Says what a person should know of the rows."""
        source = self.table.path
        if self.without_text:
            reporter.warn(f"{source}: rows without text, which got no label: {self.without_text}")
        if self.shortened:
            reporter.warn(
                f"{source}: rows with keys that the first rows lack: {self.shortened}; "
                "the output leaves these keys out"
            )
        if self.unknown:
            reporter.warn(
                f"{source}: rows with a label that the model does not know: {self.unknown}; "
                "the metrics leave them out"
            )
        if self.share < 1:
            reporter.info(
                f"{source}: the metrics are those of {self.share:.2%} of the labelled rows, "
                "drawn by chance"
            )

    def metrics(self) -> tuple[dict[str, float] | None, int]:
        """Every metric of the labelled rows, and how many there are."""
        rows = sum(map(len, self.targets))
        if not rows:
            return None, 0
        outputs, targets = joined(self.outputs), joined(self.targets, fill=IGNORED)
        return self.predictor.task.head.metrics(outputs, targets), rows

    def result(self, target: Path, added: list[str], seconds: float) -> FilePredictResult:
        """Everything that was counted."""
        metrics, labelled = self.metrics()
        return FilePredictResult(
            output=target,
            rows=self.rows,
            without_text=self.without_text,
            abstained=self.abstained,
            labels=dict(self.labels.most_common()),
            columns=added,
            metrics=metrics,
            labelled=labelled,
            bundle=self.predictor.bundle.path,
            run=self.predictor.bundle.run,
            seconds=seconds,
            rows_per_second=self.rows / seconds,
        )
