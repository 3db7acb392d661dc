"""The predictor: a bundle in onnxruntime, from raw input to labels with scores."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from mlops_cli import cores, tasks
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.schemas.predictions import Prediction
from mlops_cli.serving import graph_tables
from mlops_cli.serving.bundle import Bundle
from mlops_cli.tasks import Columns, Inputs, Outputs, joined, masked

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
        graph: Name of the graph that answers; None takes the one that the bundle prefers.
        sessions: Batches that are answered at once, each by its share of the threads; None takes
            one a thread.

    Raises:
        DataError: The bundle's task can't be made again from it.
        UsageError: The bundle has no such graph.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int | None = None,
        graph: str | None = None,
        sessions: int | None = None,
    ) -> None:
        self.bundle = bundle
        self.graph = graph or bundle.preferred
        self._file = bundle.graph_file(self.graph)
        self.task = _load_task(bundle)
        self._threads = threads or cores.available()
        self._sessions = sessions or self._threads

    def outputs(
        self,
        inputs: Columns,
        rows: Sequence[Any] | None = None,
        *,
        batch_size: int = 32,
        advance: Callable[[int], None] | None = None,
    ) -> Outputs:
        """What the network says of raw rows, in the order of the rows.

        Args:
            inputs: Raw columns by the task's names for them.
            rows: The same as the task's encoder made them, where they are there already.
            batch_size: Most rows in one run of the graph.
            advance: Told how many more rows are done.

        Raises:
            DataError: onnxruntime can't load or run the graph.
        """
        if rows is None:
            rows = self.task.encoder.encode(inputs)
        if not len(rows):
            return np.zeros((0, len(self.task.labels)), dtype=np.float32)
        if len(rows) == 1:
            found = self.run(self._wide, rows)
            if advance:
                advance(1)
            return found
        order = np.argsort(self.task.encoder.sizes(rows), kind="stable")
        size = max(1, min(batch_size, -(-len(rows) // self._sessions)))
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        session = self._narrow

        def answer(batch: NDArray[np.int64]) -> Outputs:
            return self.run(session, [rows[row] for row in batch])

        parts = []
        for batch, answers in zip(batches, self._pool.map(answer, batches), strict=True):
            parts.append(answers)
            if advance:
                advance(len(batch))
        return joined(parts)[np.argsort(order)]

    def predict(
        self,
        inputs: Columns,
        *,
        top_k: int = 1,
        threshold: float = 0.0,
        batch_size: int = 32,
    ) -> tuple[list[Prediction], Outputs, Sequence[Any]]:
        """Answers to raw rows, the outputs they were made of, and the rows as encoded.

        See `outputs` and `Head.answers`.
        """
        rows = self.task.encoder.encode(inputs)
        found = self.outputs(inputs, rows, batch_size=batch_size)
        answers = self.task.head.answers(found, inputs, rows, top_k=top_k, threshold=threshold)
        return answers, found, rows

    @cached_property
    def _wide(self) -> ort.InferenceSession:
        return self.session(self._threads)

    @cached_property
    def _narrow(self) -> ort.InferenceSession:
        each = max(1, self._threads // self._sessions)
        return self.session(each) if self._sessions > 1 else self._wide

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        """One for all calls: rows of several windows fill the same threads."""
        return ThreadPoolExecutor(self._sessions, thread_name_prefix="session")

    @cached_property
    def _tables(self) -> dict[str, ort.OrtValue]:
        """The tables that sessions share.

        Raises:
            DataError: The file is not there any more, or has none of them where they were.
        """
        listed = self.bundle.graphs[self.graph].get("tables", ())
        try:
            found = dict(graph_tables.read(self._file, listed))
        except (OSError, ValueError) as error:
            raise self._refused("load", error) from error
        return {name: ort.OrtValue.ortvalue_from_numpy(table) for name, table in found.items()}

    def session(self, threads: int) -> ort.InferenceSession:
        """A session of its own over the graph, for `run`; several threads may run it at once.

        It has tables of this predictor, and can be used as long as that is there.

        Args:
            threads: How many CPU threads work on one batch together.

        Raises:
            DataError: onnxruntime can't load the graph.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = _ERRORS_ONLY
        # Long enough to be there for the next row of one who asks at once, and no longer: it takes
        # the core from whoever hands the answer over (measured: p99 1.6 ms, else 3.4).
        options.add_session_config_entry("session.intra_op.spin_duration_us", "500")
        for name, table in self._tables.items():
            options.add_initializer(name, table)
        try:
            return ort.InferenceSession(self._file, options, providers=["CPUExecutionProvider"])
        except _REFUSALS as error:
            raise self._refused("load", error) from error

    def run(self, session: ort.InferenceSession, rows: Sequence[Any]) -> Outputs:
        """What the network says of encoded rows, in one run of the graph.

        Raises:
            DataError: onnxruntime can't run the graph.
        """
        outputs = self.run_batch(session, self.task.encoder.collate(rows))
        return masked(outputs, self.task.encoder.sizes(rows))

    def run_batch(self, session: ort.InferenceSession, inputs: Inputs) -> Outputs:
        """What the network says of one collated batch, padding included.

        Raises:
            DataError: onnxruntime can't run the graph.
        """
        wanted = {entry.name: inputs[entry.name] for entry in session.get_inputs()}
        try:
            answers: list[Any] = session.run(["logits"], wanted)
        except _REFUSALS as error:
            raise self._refused("run", error) from error
        outputs: Outputs = answers[0]
        return outputs

    def _refused(self, doing: str, error: Exception) -> DataError:
        reason = str(error).strip().splitlines()[0]
        return DataError(
            f"onnxruntime can't {doing} {self._file}: {reason}",
            hint="make the bundle again: mlops export --onnx",
        )


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
