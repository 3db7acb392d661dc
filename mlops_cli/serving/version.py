"""One version of a model: a bundle, loaded and warm."""

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlops_cli import cores
from mlops_cli.errors import DataError
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving import memory
from mlops_cli.serving.bundle import Bundle
from mlops_cli.serving.engine import Engine
from mlops_cli.serving.jobs import Answer, Question, late
from mlops_cli.serving.reading import Reading
from mlops_cli.serving.runtime import Predictor
from mlops_cli.serving.schema import Contract
from mlops_cli.serving.settings import ServingSettings, recorded
from mlops_cli.tasks import Task

_BATCH = 4
"""Rows in a batch where nothing was measured: small batches of like size are fastest on a CPU."""


@dataclass(frozen=True)
class Version:
    """One version of a model, loaded and warm.

    Attributes:
        model: Name of the model.
        name: Name of the version.
        bundle: What it was loaded from.
        engine: Answers.
        contract: Its types.
    """

    model: str
    name: str
    bundle: Bundle
    engine: Engine
    contract: Contract

    @property
    def task(self) -> Task:
        """The task."""
        return self.contract.task

    @cached_property
    def known(self) -> dict[str, Any]:
        """The description of the training rows; empty where its file is not as it was exported."""
        if bundles.REFERENCE not in self.bundle.facts["files"]:
            return {}
        try:
            bundles.verify_file(self.bundle, bundles.REFERENCE)
            return self.bundle.reference()
        except (DataError, OSError):
            return {}


@dataclass(frozen=True)
class Reply:
    """An answer and who gave it."""

    answer: Answer
    version: Version


def load(
    reading: Reading, config: ServeConfig, *, model: str, version: str | None = None
) -> Version:
    """Loads a bundle and warms it up, while the graphs that it does not answer with are checked.

    Args:
        reading: The bundle.
        config: Limits.
        model: Name of the model.
        version: Name of the version; None takes the id of the run it was made from.

    Raises:
        NotFoundError: There is no bundle.
        DataError: It is damaged or was changed.
    """
    memory.prepare()
    bundle = reading.usable.result()
    measured = recorded(bundle)
    if measured is not None and measured.graph != bundle.preferred:
        reading.whole.result()
    usual = measured or ServingSettings(bundle.preferred, cores.available(), 1, _BATCH)
    predictor = Predictor(bundle, graph=usual.graph)
    contract = Contract(predictor.task, config)
    engine = Engine(
        predictor,
        sessions=config.sessions or usual.sessions,
        threads=usual.threads if config.sessions is None else 1,
        lone_threads=config.lone_threads or cores.available(),
        batch=config.batch or usual.batch,
        queue=config.queue,
    )
    with ExitStack() as undone:
        undone.callback(engine.close)
        engine.warm(contract.example())
        reading.whole.result()
        undone.pop_all()
    return Version(model, version or name_of(bundle), bundle, engine, contract)


def name_of(bundle: Bundle) -> str:
    """What a version is called unless somebody says otherwise: the run it was made from."""
    return bundle.run or bundle.digest[:12]


async def answer_in_time(
    version: Version, question: Question, ends: float
) -> Answer | BaseException:
    """A version's answer, or why there is none in time."""
    asking = asyncio.ensure_future(version.engine.ask(question, deadline=ends))
    try:
        await asyncio.wait({asking}, timeout=max(0.0, ends - time.monotonic()))
        if not asking.done():
            return late()
        return asking.exception() or asking.result()
    finally:
        asking.cancel()
