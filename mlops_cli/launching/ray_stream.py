"""A function over a stream of items on the machines of a Ray cluster, by Ray Data, in order."""

import logging
import math
import pickle
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any, TypeVar

import numpy as np
import ray
import ray.data
from ray.exceptions import RayError

from mlops_cli.errors import MlopsError
from mlops_cli.launching.ray import connected
from mlops_cli.schemas.launcher import RayLauncherConfig

Item = TypeVar("Item")
Found = TypeVar("Found")

_COLUMN = "item"
_BLOCK = 2**19
"""Bytes that are sent on together: few, so that the items are spread over all machines."""

_Batch = dict[str, Any]


def mapped(
    config: RayLauncherConfig,
    read: Callable[[], Iterator[Item]],
    make: Callable[[], Callable[[Item], Found]],
) -> Generator[Found]:
    """The function of each item, in the order of the items.

    Ray Data holds back whoever is ahead, so that memory is bounded, and does what was lost with a
    machine again.

    Args:
        config: The cluster, and what each process takes of it.
        read: Reads the items, on one of the machines.
        make: Makes the function, once in each process.

    Raises:
        MlopsError: Reading or the function raised it; no cluster answers, or too much was lost.
    """
    with connected(config):
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        context.execution_options.preserve_order = True
        context.target_max_block_size = _BLOCK
        each: dict[str, Any] = {
            "num_cpus": config.cpus,
            "num_gpus": config.gpus,
            "resources": config.resources,
        }
        found = (
            ray.data.from_items([{_COLUMN: b""}])
            .map_batches(partial(_read, read), num_cpus=0)
            .map_batches(
                _Worker,
                fn_constructor_args=(make,),
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=_processes(config)),
                **{name: amount for name, amount in each.items() if amount},
            )
        )
        try:
            for batch in found.iter_batches(batch_size=1, prefetch_batches=1):
                yield _opened(batch)
        except RayError as error:
            reason = str(error).strip().splitlines()[-1]
            raise MlopsError(
                f"the Ray cluster could not go on: {reason}", hint="see its logs, and try again"
            ) from error


def _processes(config: RayLauncherConfig) -> int:
    """How many processes find room on the cluster."""
    room = ray.cluster_resources()["CPU"]  # type: ignore[no-untyped-call]
    return config.jobs or max(1, math.floor(room / (config.cpus or 1)))


def _read(read: Callable[[], Iterator[Any]], _: _Batch) -> Iterator[_Batch]:
    """Items as bytes; an error of ours is one of them, as Ray would give its text alone."""
    try:
        for item in read():
            yield _closed(item)
    except MlopsError as error:
        yield _closed(error)


class _Worker:
    """The function of an item."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        self._function = make()

    def __call__(self, batch: _Batch) -> _Batch:
        try:
            return _closed(self._function(_opened(batch)))
        except MlopsError as error:
            return _closed(error)


def _closed(item: Any) -> _Batch:
    return {_COLUMN: np.array([pickle.dumps(item)], dtype=object)}


def _opened(batch: _Batch) -> Any:
    """The item of a batch. Raises the error that it is."""
    item = pickle.loads(batch[_COLUMN][0])
    if isinstance(item, MlopsError):
        raise item
    return item
