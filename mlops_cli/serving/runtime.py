"""The predictor: a bundle in onnxruntime, from raw input to labels with scores."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from mlops_cli import tasks
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.schemas.results import Prediction
from mlops_cli.serving.bundle import Bundle

_REFUSALS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
"""What onnxruntime raises over a graph it can't load or run; they share no base of their own."""
_ERRORS_ONLY = 3


class Predictor:
    """Answers with a bundle's network.

    One row is answered by a session that works with all threads together. Many rows are cut into
    batches of similar length, and each thread answers batches of its own: on a CPU that is
    faster than all threads on one batch after the other.

    Args:
        bundle: The bundle.
        threads: CPU threads; None takes every core this process may use.

    Raises:
        DataError: The bundle's task can't be made again from it.
    """

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        self.bundle = bundle
        self.task = _load_task(bundle)
        self._threads = threads or available_cores()

    def logits(
        self,
        inputs: dict[str, list[str]],
        *,
        batch_size: int = 32,
        advance: Callable[[int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Logits of raw rows, of shape (rows, classes) and in the order of the rows.

        Args:
            inputs: Raw columns by the task's names for them.
            batch_size: Most rows in one run of the graph.
            advance: Told how many more rows are done.

        Raises:
            DataError: onnxruntime can't load or run the graph.
        """
        rows = self.task.encode(inputs)
        found = np.zeros((len(rows), len(self.task.labels)), dtype=np.float32)
        if len(rows) <= 1:
            for place, row in enumerate(rows):
                found[place] = self._run(self._wide, [row])
            if advance:
                advance(len(rows))
            return found
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        size = max(1, min(batch_size, -(-len(rows) // self._threads)))
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        session = self._narrow

        def answer(batch: list[int]) -> NDArray[np.float32]:
            return self._run(session, [rows[row] for row in batch])

        with ThreadPoolExecutor(self._threads) as pool:
            for batch, answers in zip(batches, pool.map(answer, batches), strict=True):
                found[batch] = answers
                if advance:
                    advance(len(batch))
        return found

    def predict(
        self,
        inputs: dict[str, list[str]],
        *,
        top_k: int = 1,
        threshold: float = 0.0,
        batch_size: int = 32,
    ) -> list[Prediction]:
        """Labels with scores of raw rows; see `logits` and `answers`."""
        logits = self.logits(inputs, batch_size=batch_size)
        return self.answers(logits, top_k=top_k, threshold=threshold)

    def answers(
        self, logits: NDArray[np.float32], *, top_k: int = 1, threshold: float = 0.0
    ) -> list[Prediction]:
        """Logits as labels with scores.

        Args:
            logits: Of shape (rows, classes).
            top_k: How many labels each answer names with their scores.
            threshold: Below this score of the best label, an answer has no label.
        """
        if not len(logits):
            return []
        labels = self.task.labels
        scores = self.task.probabilities(logits)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
        answers = []
        for row, places in enumerate(best.tolist()):
            named = {labels[place]: round(float(scores[row, place]), 6) for place in places}
            score = float(scores[row, places[0]])
            label = labels[places[0]] if score >= threshold else None
            answers.append(Prediction(label, round(score, 6), named))
        return answers

    @cached_property
    def _wide(self) -> ort.InferenceSession:
        return self._session(self._threads)

    @cached_property
    def _narrow(self) -> ort.InferenceSession:
        return self._session(1) if self._threads > 1 else self._wide

    def _session(self, threads: int) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = _ERRORS_ONLY
        # Measured with two threads: without end, spinning answers a lone row 1.3 times as fast on
        # idle cores and takes 2 to 3 times as long on busy ones. A short spin stays clear of that.
        options.add_session_config_entry("session.intra_op.spin_duration_us", "20")
        try:
            return ort.InferenceSession(
                self.bundle.graph, options, providers=["CPUExecutionProvider"]
            )
        except _REFUSALS as error:
            raise self._refused("load", error) from error

    def _run(
        self, session: ort.InferenceSession, rows: Sequence[Sequence[int]]
    ) -> NDArray[np.float32]:
        """One run of the graph."""
        inputs = self.task.collate(rows)
        wanted = {entry.name: inputs[entry.name] for entry in session.get_inputs()}
        try:
            answers: list[Any] = session.run(["logits"], wanted)
        except _REFUSALS as error:
            raise self._refused("run", error) from error
        logits: NDArray[np.float32] = answers[0]
        return logits

    def _refused(self, doing: str, error: Exception) -> DataError:
        reason = str(error).strip().splitlines()[0]
        return DataError(
            f"onnxruntime can't {doing} {self.bundle.graph}: {reason}",
            hint="make the bundle again: mlops export --onnx",
        )


def available_cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load_task(bundle: Bundle) -> tasks.Task:
    try:
        return tasks.load(bundle.task, bundle.path)
    except ConfigError as error:
        raise DataError(
            f"the bundle's task {bundle.task.get('name')!r} is no module that can be found here",
            hint="run the command in the project that the bundle was made in",
        ) from error
    except KeyError as error:
        raise DataError(
            f"{bundle.path / 'bundle.json'} is damaged: its task has no {error}",
            hint="make it again: mlops export --onnx",
        ) from error
