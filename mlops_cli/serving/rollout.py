"""A model's requests while a version is on trial (a canary), or another looks on (a shadow).

A canary can't harm an asker: what it fails at, or does not answer in half of the time that the
asker waits, the primary answers. Such a request counts against the canary, but for what is load,
which would meet every version: what it refuses because too many rows wait does not count at all,
and what was late behind others counts as slow.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mlops_cli.serving.comparison import Comparisons, Pair
from mlops_cli.serving.jobs import Question
from mlops_cli.serving.refusals import Late, Overloaded
from mlops_cli.serving.trial import Agreement, Trial, Verdict
from mlops_cli.serving.version import Reply, Version, answer_in_time

_CANARY_TIME = 0.5
"""Share of the asker's time that a canary gets; the rest is the primary's."""


@dataclass
class Shadow:
    """A version that is asked what others answer.

    Attributes:
        version: Who looks on.
        began: Unix time.
        agreement: How often it would have answered otherwise.
    """

    version: Version
    began: float = field(default_factory=time.time)
    agreement: Agreement = field(default_factory=Agreement)


@dataclass
class Rollout:
    """The canary and the shadow of one model, at least one of which is there.

    Attributes:
        primary: The version that the canary is held against; called, for it may change.
        comparisons: Compares answers in the background.
        judged: Told what the figures of the canary say, as soon as it is not `running`.
        canary: The version on trial; answers what names no version.
        trial: What is known of it.
        shadow: The version that looks on.
    """

    primary: Callable[[], Version]
    comparisons: Comparisons
    judged: Callable[[Verdict], None]
    canary: Version | None = None
    trial: Trial | None = None
    shadow: Shadow | None = None

    def takes(self) -> bool:
        """Whether the next request that names no version goes to the canary."""
        return self.trial is not None and self.trial.takes()

    def uses(self, name: str) -> bool:
        """Whether a version is the canary or the shadow."""
        return name in (
            self.canary.name if self.canary else None,
            self.shadow.version.name if self.shadow else None,
        )

    async def ask(self, question: Question, version: Version, ends: float) -> Reply:
        """What a version says, and what that tells of canary and shadow.

        Args:
            question: The rows.
            version: The one that was chosen; `canary` itself when it is on trial with this request.
            ends: When the asker stops waiting, by `time.monotonic`.

        Raises:
            Refusal: See `Engine.ask`.
        """
        if self.canary is not None and version is self.canary:
            reply = await self._on_trial(question, version, ends)
        else:
            began = time.monotonic()
            reply = Reply(await version.engine.ask(question, deadline=ends), version)
            if self.trial is not None:
                self.trial.primary.add(time.monotonic() - began)
        if self.shadow is not None and reply.version.name != self.shadow.version.name:
            shadow = self.shadow
            pair = Pair(question, reply, shadow.version, shadow.agreement, "shadow")
            self.comparisons.offer(pair)
        return reply

    async def _on_trial(self, question: Question, canary: Version, ends: float) -> Reply:
        trial, began = self.trial, time.monotonic()
        assert trial is not None
        behind = canary.engine.waiting > 0
        answer = await answer_in_time(canary, question, began + (ends - began) * _CANARY_TIME)
        seconds = time.monotonic() - began
        primary = self.primary()
        if isinstance(answer, BaseException):
            # Where the primary refuses it too, the request is to blame, and not the canary.
            reply = Reply(await primary.engine.ask(question, deadline=ends), primary)
            if isinstance(answer, Overloaded):
                return reply
            if behind and isinstance(answer, Late):
                trial.own.add(seconds)
            else:
                trial.own.add(seconds, failed=True)
                trial.failure = answer
        else:
            reply = Reply(answer, canary)
            trial.own.add(seconds)
            self.comparisons.offer(Pair(question, reply, primary, trial.agreement, "primary"))
        verdict = trial.verdict()
        if verdict.outcome != "running" and trial is self.trial:
            self.judged(verdict)
        return reply
