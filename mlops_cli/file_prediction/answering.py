"""The rows of a file, window by window, with their answers: on this machine, or on a cluster.

Either way the windows come in the order of the file, and `prediction.answer_rows` answers them.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from mlops_cli.data import tables
from mlops_cli.prediction import Answers, Settings, answer_rows, windows
from mlops_cli.schemas.launcher import RayLauncherConfig
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.runtime import Predictor

Row = dict[str, str | None]
Window = list[Row]
Answered = tuple[Window, Answers]

_AHEAD = 2
"""Windows with the model while the one before is written and the next one is read."""
_PICTURES = 256
"""Images in memory at a time: each is half a megabyte once it is decoded."""
Item = TypeVar("Item")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Source:
    """A file of rows.

    Attributes:
        path: The file.
        names: Names of the columns of a CSV or TSV file without a header.
        inputs: The file's column of each of the task's inputs.
    """

    path: Path
    names: list[str] | None
    inputs: dict[str, str]

    def windows(self) -> Iterator[Window]:
        """Its rows.

        Raises:
            DataError: A row is damaged.
        """
        rows = (row for _, row in tables.open_table(self.path, columns=self.names).rows())
        return windows(rows, _PICTURES) if "image" in self.inputs else windows(rows)

    def answer(self, predictor: Predictor, settings: Settings, window: Window) -> Answered:
        """A window with its answers."""
        values = {name: [row[column] for row in window] for name, column in self.inputs.items()}
        return window, answer_rows(predictor, _located(values, self.path), settings)


def here(predictor: Predictor, source: Source, settings: Settings) -> Generator[Answered]:
    """Answers on this machine, all of its cores at work while rows are read and written."""
    return _ahead(partial(source.answer, predictor, settings), source.windows())


def on_cluster(
    config: RayLauncherConfig, predictor: Predictor, source: Source, settings: Settings
) -> Generator[Answered]:
    """Answers on the machines of a Ray cluster, which see file and bundle under the same paths.

    Raises:
        MissingDependencyError: Ray is not installed.
        MlopsError: No cluster answers, or it lost what was to answer.
    """
    from mlops_cli.extras import extra

    with extra("ray", "--launcher ray"):
        from mlops_cli.launching import ray_stream
    bundle, threads = predictor.bundle.path.resolve(), max(1, int(config.cpus))
    seen = replace(source, path=source.path.resolve())
    make = partial(_answerer, bundle, predictor.graph, threads, seen, settings)
    return ray_stream.mapped(config, seen.windows, make)


def _answerer(
    bundle: Path, graph: str, threads: int, source: Source, settings: Settings
) -> Callable[[Window], Answered]:
    """What each process of the cluster answers with; it was verified before it was sent there."""
    predictor = Predictor(bundles.load(bundle), threads=threads, graph=graph)
    return partial(source.answer, predictor, settings)


def _ahead(function: Callable[[Item], Found], items: Iterable[Item]) -> Generator[Found]:
    """The function of each item, in order, computed while the caller works on the one before."""
    pool = ThreadPoolExecutor(_AHEAD, thread_name_prefix="window")
    pending: deque[Future[Found]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > _AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _located(values: dict[str, list[str | None]], table: Path) -> dict[str, list[str | None]]:
    """The same, where paths of images may start at the table's folder, as in training."""
    if "image" not in values:
        return values
    beside = ((name, table.parent / name) if name else (name, table) for name in values["image"])
    found = [str(path) if name and path.is_file() else name for name, path in beside]
    return values | {"image": found}
