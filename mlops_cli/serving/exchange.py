"""One request and what became of it, noted on its way for metrics, logs and traces."""

import random
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Scope

from mlops_cli.serving.http import header
from mlops_cli.serving.jobs import Question
from mlops_cli.serving.refusals import Refusal
from mlops_cli.serving.version import Reply, Version

_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_drawn = random.Random()
"""Draws ids, which are to be different, not secret: the system need not be asked for each."""


@dataclass(slots=True, eq=False)
class Exchange:
    """A request and its answer.

    Attributes:
        scope: The request.
        id: What it is called in answer, log and trace.
        began: When it began, by `time.perf_counter`.
        status: HTTP status of the answer; 0 until it begins.
        question: What was asked.
        version: Who was asked; None where it did not come to that.
        reply: What was answered.
        refusal: Why there is no answer.
        span: Its trace, where traces are kept.
    """

    scope: Scope
    id: bytes
    began: float = field(default_factory=time.perf_counter)
    status: int = 0
    question: Question | None = None
    version: Version | None = None
    reply: Reply | None = None
    refusal: Refusal | None = None
    span: Any = None

    @property
    def names(self) -> tuple[str, str]:
        """The model and the version that were asked; empty where there is none."""
        version = self.reply.version if self.reply else self.version
        return (version.model, version.name) if version else ("", "")


current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
"""The request that is being answered."""


def request_id(scope: Scope) -> bytes:
    """The id that the asker gave, where it is one; else a new one."""
    told = header(scope, b"x-request-id") or ""
    return (told if _ID.fullmatch(told) else f"{_drawn.getrandbits(128):032x}").encode()
