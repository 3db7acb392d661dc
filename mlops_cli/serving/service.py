"""The models that are served, and the one way that every protocol asks them."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from mlops_cli import project
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import own_code
from mlops_cli.serving import reading as readings
from mlops_cli.serving import version as versions
from mlops_cli.serving.bundle import Bundle
from mlops_cli.serving.exchange import current
from mlops_cli.serving.jobs import Question
from mlops_cli.serving.pulse import WAITED, Pulse
from mlops_cli.serving.reading import Reading
from mlops_cli.serving.refusals import Unavailable, Unknown
from mlops_cli.serving.rollout import Rollout
from mlops_cli.serving.signatures import Trust
from mlops_cli.serving.version import Reply, Version

__all__ = ["Model", "Reply", "Service", "Version", "Warn"]

Warn = Callable[[str], None]
_TICK = 0.1
"""Seconds between two looks at the event loop: uvicorn's own interval."""
_TURNS = 2
"""How late an answer is sent, in delays of the loop: it takes several of its turns to get there."""
_LEAST = 0.25
"""Share of its time that a late loop leaves a request in any case: something must be answered."""


@dataclass
class Model:
    """A model by name.

    Attributes:
        name: Its name.
        primary: Name of the version that answers where none is named.
        versions: Every version that is loaded, by name.
        rollout: A canary or a shadow; None without either.
        rollbacks: Canaries that were taken off because of how they did.
    """

    name: str
    primary: str
    versions: dict[str, Version] = field(default_factory=dict)
    rollout: Rollout | None = None
    rollbacks: int = 0

    @property
    def first(self) -> Version:
        """The primary version."""
        return self.versions[self.primary]


class Service:
    """Everything that is served.

    Args:
        config: Limits.
        trust: Whose signatures of bundles count.
        warn: Told what a person should know.
    """

    def __init__(
        self,
        config: ServeConfig,
        trust: Trust | None = None,
        warn: Warn = lambda said: None,
    ) -> None:
        self.config = config
        self.trust = trust or Trust()
        self.warn = warn
        self.models: dict[str, Model] = {}
        self.loading = False
        self.draining = False
        self.pulse = Pulse(_TICK)

    @property
    def ready(self) -> bool:
        """Whether requests are answered: models are loaded and warm, and we are not stopping."""
        return bool(self.models) and not self.loading and not self.draining

    def require_ready(self) -> None:
        """Refuses while the server is not `ready`.

        Raises:
            Unavailable: It is starting or stopping.
        """
        if not self.ready:
            state = "stopping" if self.draining else "starting"
            raise Unavailable(f"the server is {state}", retry_after=1)

    def read(self, folder: Path, begun: Reading | None = None) -> Reading:
        """A bundle that is as it was signed; whether it is as it was exported is being checked.

        Args:
            folder: The bundle.
            begun: Where its bytes are being checked already.

        Raises:
            GateError: It is not signed as it has to be.
        """
        self.trust.check(folder, self.warn)
        reading = begun or readings.begin(folder)
        reading.usable.add_done_callback(self._tell_of_code)
        return reading

    def _tell_of_code(self, reading: Future[Bundle]) -> None:
        if reading.exception() is None and own_code.FIELD in reading.result().facts:
            own_code.warn(reading.result(), project.find_root(), self.warn)

    def load(
        self,
        folder: Path,
        *,
        model: str,
        version: str | None = None,
        begun: Reading | None = None,
    ) -> Version:
        """Loads a bundle, warms it up, and makes it the model's primary version.

        Args:
            folder: The bundle.
            model: Name of the model.
            version: Name of the version; None takes the id of the run it was made from.
            begun: See `read`.

        Raises:
            NotFoundError: There is no bundle.
            DataError: It is damaged or was changed.
            GateError: It is not signed as it has to be.
        """
        loaded = versions.load(self.read(folder, begun), self.config, model=model, version=version)
        entry = self.models.setdefault(model, Model(model, loaded.name))
        entry.versions[loaded.name] = loaded
        entry.primary = loaded.name
        return loaded

    def model(self, name: str | None = None) -> Model:
        """A model by name; None stands for the first.

        Raises:
            Unknown: There is none of that name.
            Unavailable: Not everything is loaded yet.
        """
        if not self.models or self.loading:
            raise Unavailable("the server is starting", retry_after=1)
        entry = self.models.get(name) if name else next(iter(self.models.values()))
        if entry is None:
            raise Unknown(f"there is no model {name!r}", hint=f"models: {', '.join(self.models)}")
        return entry

    def find(self, model: str | None = None, version: str | None = None) -> Version:
        """A version by name; None stands for the first model and for its primary version.

        Raises:
            Unknown: There is none of that name.
            Unavailable: Not everything is loaded yet.
        """
        entry = self.model(model)
        found = entry.versions.get(version or entry.primary)
        if found is None:
            raise Unknown(
                f"model {entry.name} has no version {version!r}",
                hint=f"versions: {', '.join(entry.versions)}",
            )
        return found

    def choose(self, model: str | None = None, version: str | None = None) -> Version:
        """The version to `ask`: the named one, else the canary for its share, else the primary.

        Choose when the body has arrived: a version is taken down once all that was asked is
        answered, and what waits for a client is not asked yet.

        Raises:
            Refusal: See `find`.
        """
        if version is None:
            rollout = self.model(model).rollout
            if rollout is not None and rollout.canary is not None and rollout.takes():
                return rollout.canary
        return self.find(model, version)

    async def ask(
        self, question: Question, version: Version, *, deadline: float | None = None
    ) -> Reply:
        """What a version says of a question.

        Args:
            question: The rows.
            version: See `choose`.
            deadline: Seconds that the asker waits; None, and more than the config allows, mean
                what the config allows.

        Raises:
            Refusal: See `Engine.ask`.
        """
        entry, exchange = self.models.get(version.model), current.get()
        waited = 0.0 if exchange is None else exchange.scope.get(WAITED, 0.0)
        ends = time.monotonic() + self._left(deadline, waited)
        if exchange is not None:
            exchange.question, exchange.version = question, version
        if entry is not None and entry.rollout is not None:
            reply = await entry.rollout.ask(question, version, ends)
        else:
            reply = Reply(await version.engine.ask(question, deadline=ends), version)
        if exchange is not None:
            exchange.reply = reply
        return reply

    def _left(self, deadline: float | None, waited: float) -> float:
        """Seconds that an engine has for an answer.

        The asker's clock began when the request came, and ends when the answer has been sent.
        """
        longest = self.config.deadline_ms / 1000
        seconds = longest if deadline is None else min(deadline, longest)
        return max(seconds - _TURNS * self.pulse.delay, seconds * _LEAST) - waited

    def close(self) -> None:
        """Answers what was asked and takes every version down."""
        self.draining = True
        for version in self.loaded():
            version.engine.close()

    def loaded(self) -> Iterator[Version]:
        """Every version of every model."""
        for model in list(self.models.values()):
            yield from list(model.versions.values())
