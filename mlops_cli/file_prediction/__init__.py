"""Prediction of a file of rows into a file of rows with answers, in bounded memory. No torch."""

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from mlops_cli.data import tables
from mlops_cli.errors import DataError, UsageError
from mlops_cli.file_prediction import answering
from mlops_cli.file_prediction.tally import Tally
from mlops_cli.prediction import Settings
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.launcher import RayLauncherConfig
from mlops_cli.schemas.plain import plain
from mlops_cli.schemas.predictions import FilePredictResult, Prediction
from mlops_cli.serving.runtime import Predictor


def run(
    predictor: Predictor,
    source: Path,
    target: Path,
    settings: Settings,
    reporter: Reporter,
    *,
    text_column: str | None = None,
    pair_column: str | None = None,
    columns: list[str] | None = None,
    overwrite: bool = False,
    cluster: RayLauncherConfig | None = None,
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
        pair_column: The same of the second text of a model that takes pairs.
        columns: Names of the columns of a CSV or TSV file without a header.
        overwrite: `target` may exist.
        cluster: The Ray cluster that answers; None stands for this machine.

    Raises:
        UsageError: `target` exists, is the input, or has no ending of a table.
        NotFoundError: There is no such file.
        DataError: The input can't be used; the message names the line or column.
    """
    started = time.perf_counter()
    table = tables.open_table(source, columns=columns)
    inputs = _input_columns(predictor, table, text_column, pair_column)
    _check_target(source, target, overwrite)
    cells = predictor.task.head.columns(settings.top_k)
    added = _added_columns(table.columns, cells)
    nested = tables.format_of(target) == "jsonl"
    rows = answering.Source(source, columns, inputs)
    if cluster is None:
        answered = answering.here(predictor, rows, settings)
    else:
        answered = answering.on_cluster(cluster, predictor, rows, settings)
    tally = Tally(predictor, table, _label_column(predictor, table, inputs))
    with (
        tables.open_writer(target, "auto", [*table.columns, *added]) as writer,
        closing(answered),
        reporter.task(f"predicting {source.name}", table.total) as progress,
    ):
        for window, found in answered:
            tally.add(window, found)
            for row, answer in zip(window, found.answers, strict=True):
                writer.write(row | dict(zip(added, _values(answer, cells, nested), strict=True)))
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
    predictor: Predictor, table: tables.Table, text_column: str | None, pair_column: str | None
) -> dict[str, str]:
    """The table's column of each of the task's inputs."""
    inputs = {
        name: predictor.bundle.columns.get(name, name) for name in predictor.task.encoder.columns
    }
    for name, column in (("text", text_column), ("text_pair", pair_column)):
        if column is not None and name not in inputs:
            raise UsageError(
                f"this model takes no {name}: its inputs are {', '.join(inputs)}",
                hint=f"leave --{name.replace('_', '-')} out",
            )
        if column is not None:
            inputs[name] = column
    for name, column in inputs.items():
        if column not in table.columns:
            raise tables.missing_column(table, column, f"--{name.replace('_', '-')}")
    return inputs


def _label_column(predictor: Predictor, table: tables.Table, inputs: dict[str, str]) -> str | None:
    column = predictor.bundle.columns.get("label")
    return column if column in table.columns and column not in inputs.values() else None


def _added_columns(taken: list[str], cells: list[str]) -> list[str]:
    """Names for the answers that no column of the input has."""
    wanted = [f"predicted_{name}" for name in cells]
    ending, number = "", 1
    while any(name + ending in taken for name in wanted):
        number += 1
        ending = f"_{number}"
    return [name + ending for name in wanted]


def _values(answer: Prediction, cells: list[str], nested: bool) -> list[Any]:
    """The answer's cells; where the file has no nested values, those as JSON."""
    values = answer.cells()
    return [
        json.dumps(plain(values[name]), ensure_ascii=False)
        if not nested and isinstance(values[name], dict | list)
        else plain(values[name])
        for name in cells
    ]
