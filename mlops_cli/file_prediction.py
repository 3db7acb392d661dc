"""Prediction of a file of rows into a file of rows with answers, in bounded memory. No torch."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data import tables
from mlops_cli.errors import DataError, UsageError
from mlops_cli.prediction import Answers, Settings, answer_rows, text_input, windows
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.results import FilePredictResult, Prediction
from mlops_cli.serving.runtime import Predictor

Row = dict[str, str | None]


def run(
    predictor: Predictor,
    source: Path,
    target: Path,
    settings: Settings,
    reporter: Reporter,
    *,
    text_column: str | None = None,
    columns: list[str] | None = None,
    overwrite: bool = False,
) -> FilePredictResult:
    """Writes the rows of `source` with their answers to `target`, in bounded memory.

    Where the input has the column that the bundle was trained to predict, the metrics are
    computed as well.

    Args:
        predictor: Answers.
        source: CSV, TSV, JSONL or Parquet.
        target: The same, by its ending; whole or not at all.
        settings: How to answer.
        reporter: Told of progress.
        text_column: Column of the text; None takes the training data's.
        columns: Names of the columns of a CSV or TSV file without a header.
        overwrite: `target` may exist.

    Raises:
        UsageError: `target` exists, is the input, or has no ending of a table.
        NotFoundError: There is no such file.
        DataError: The input can't be used; the message names the line or column.
    """
    started = time.perf_counter()
    table = tables.open_table(source, columns=columns)
    inputs = _input_columns(predictor, table, text_column)
    _check_target(source, target, overwrite)
    added = _added_columns(table.columns, settings.top_k)
    nested = tables.format_of(target) == "jsonl"
    tally = _Tally(predictor, table, _label_column(predictor, table, inputs))
    with (
        tables.open_writer(target, "auto", [*table.columns, *added]) as writer,
        reporter.task(f"predicting {source.name}", None) as progress,
    ):
        for window in windows(row for _, row in table.rows()):
            values = {name: [row[column] for row in window] for name, column in inputs.items()}
            found = answer_rows(predictor, values, settings)
            tally.add(window, found)
            for row, answer in zip(window, found.answers, strict=True):
                writer.write(row | dict(zip(added, _cells(answer, nested), strict=False)))
            progress.advance(len(window))
        if not tally.rows:
            raise DataError(f"{source} has no rows", hint="a header alone predicts nothing")
    tally.warn(reporter)
    return tally.result(target, added, time.perf_counter() - started)


def _check_target(source: Path, target: Path, overwrite: bool) -> None:
    if target.suffix.lower() not in tables.ENDINGS:
        raise UsageError(
            f"{target.name} does not say which format to write",
            hint="end it in .csv, .tsv, .jsonl or .parquet",
        )
    if target.exists() and target.samefile(source):
        raise UsageError("--output is the input file", hint="write to another file")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists", hint="add --force to replace it")


def _input_columns(
    predictor: Predictor, table: tables.Table, text_column: str | None
) -> dict[str, str]:
    """The table's column of each of the task's inputs."""
    inputs = {
        name: predictor.bundle.columns.get(name, name) for name in predictor.task.input_columns
    }
    if text_column is not None:
        inputs[text_input(predictor)] = text_column
    for column in inputs.values():
        if column not in table.columns:
            raise tables.missing_column(table, column, "--text")
    return inputs


def _label_column(predictor: Predictor, table: tables.Table, inputs: dict[str, str]) -> str | None:
    column = predictor.bundle.columns.get("label")
    return column if column in table.columns and column not in inputs.values() else None


def _added_columns(taken: list[str], top_k: int) -> list[str]:
    """Names for the answers that no column of the input has."""
    wanted = ["predicted_label", "predicted_score"] + ["predicted_scores"] * (top_k > 1)
    ending, number = "", 1
    while any(name + ending in taken for name in wanted):
        number += 1
        ending = f"_{number}"
    return [name + ending for name in wanted]


def _cells(answer: Prediction, nested: bool) -> tuple[Any, ...]:
    scores: Any = answer.scores or None
    if scores and not nested:
        scores = json.dumps(scores, ensure_ascii=False)
    return answer.label, answer.score, scores


@dataclass
class _Tally:
    """Counts the answers and keeps what the metrics need: logits and label of labelled rows."""

    predictor: Predictor
    table: tables.Table
    label_column: str | None
    rows: int = 0
    without_text: int = 0
    abstained: int = 0
    unknown: int = 0
    shortened: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    logits: list[NDArray[np.float32]] = field(default_factory=list)
    targets: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, window: list[Row], found: Answers) -> None:
        """Takes the next rows."""
        answers = [found.answers[place] for place in found.there]
        self.rows += len(window)
        self.without_text += len(window) - len(answers)
        self.shortened += sum(len(row) > len(self.table.columns) for row in window)
        self.labels.update(answer.label for answer in answers if answer.label is not None)
        self.abstained += sum(answer.label is None for answer in answers)
        if self.label_column is None:
            return
        known = set(self.predictor.task.labels)
        targets = [(window[place][self.label_column] or "").strip() for place in found.there]
        kept = [place for place, target in enumerate(targets) if target in known]
        self.unknown += sum(bool(target) and target not in known for target in targets)
        self.logits.append(found.logits[kept])
        self.targets.append(self.predictor.task.target_ids([targets[place] for place in kept]))

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

    def metrics(self) -> tuple[dict[str, float] | None, int]:
        """Every metric of the labelled rows, and how many there are."""
        rows = sum(map(len, self.targets))
        if not rows:
            return None, 0
        logits, targets = np.concatenate(self.logits), np.concatenate(self.targets)
        bins = int(self.predictor.bundle.facts.get("calibration_bins", 15))
        return self.predictor.task.metrics(logits, targets, calibration_bins=bins), rows

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
