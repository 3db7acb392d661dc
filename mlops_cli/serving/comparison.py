"""Answers beside answers: another version is asked the same, later, and differences are recorded.

One comparison runs at a time, and while requests wait it pauses for longer than it works: what
can't be kept up with is dropped and counted. No asker ever waits for a comparison.
"""

import asyncio
import hashlib
import json
import logging
import math
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.schemas.predictions import Prediction
from mlops_cli.serving.jobs import Answer, Question
from mlops_cli.serving.trial import Agreement
from mlops_cli.serving.version import Reply, Version, answer_in_time

_log = logging.getLogger("mlops.serving")

_BEHIND = 64
"""Comparisons that may wait."""
_PAUSE = 3
"""While requests wait, a comparison is followed by a pause this many times as long as it took."""
_SECONDS = 30.0
"""Longest wait for the other version's answer."""
_SAME = 0.01
"""Numbers that differ by less, relatively, are the same answer."""
_MOST_BYTES = 10_000_000
"""The file of differences begins anew beyond it; the one before is kept."""


@dataclass(frozen=True)
class Pair:
    """A question that was answered, and who is to answer it again.

    Attributes:
        question: The question.
        reply: The answer that was given.
        other: The version to ask.
        agreement: Where to count.
        role: What the other version is: `shadow`, or `primary` where a canary answered.
    """

    question: Question
    reply: Reply
    other: Version
    agreement: Agreement
    role: str


class Comparisons:
    """Asks other versions in the background.

    Args:
        file: Where differences go, one JSON object a line; None: nowhere.
        log_inputs: Also record what was asked, not just its digest.
    """

    def __init__(self, file: Path | None = None, *, log_inputs: bool = False) -> None:
        self.file = file
        self.log_inputs = log_inputs
        self._pairs: deque[Pair] = deque()
        self._worker: asyncio.Task[None] | None = None

    def offer(self, pair: Pair) -> None:
        """Compares when there is time; drops the pair where too many wait."""
        if len(self._pairs) >= _BEHIND:
            pair.agreement.dropped += pair.question.rows
            return
        self._pairs.append(pair)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())

    def close(self) -> None:
        """Drops what waits. Called from the loop."""
        self._pairs.clear()
        if self._worker is not None:
            self._worker.cancel()

    async def _work(self) -> None:
        while self._pairs:
            pair, began = self._pairs.popleft(), time.monotonic()
            answer = await answer_in_time(pair.other, pair.question, began + _SECONDS)
            if isinstance(answer, BaseException):
                pair.agreement.failed += 1
            else:
                differing = _differences(pair.reply.answer, answer)
                pair.agreement.add(differing)
                if self.file is not None and any(differing):
                    lines = list(self._lines(pair, answer, differing))
                    await asyncio.get_running_loop().run_in_executor(None, self._append, lines)
            if pair.reply.version.engine.waiting:
                await asyncio.sleep(_PAUSE * (time.monotonic() - began))

    def _lines(self, pair: Pair, answer: Answer, differing: list[bool]) -> Any:
        given, other = pair.reply.version, pair.other
        for row, differs in enumerate(differing):
            if not differs:
                continue
            inputs = {name: column[row] for name, column in pair.question.inputs.items()}
            content: dict[str, Any] = {
                "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "model": given.model,
                "input_sha256": hashlib.sha256(json.dumps(inputs).encode()).hexdigest(),
                "answered": _shown(given, pair.reply.answer.predictions[row]),
                pair.role: _shown(other, answer.predictions[row]),
            }
            if self.log_inputs:
                content["inputs"] = inputs
            yield json.dumps(content, ensure_ascii=False) + "\n"

    def _append(self, lines: list[str]) -> None:
        assert self.file is not None
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            if self.file.exists() and self.file.stat().st_size > _MOST_BYTES:
                self.file.replace(self.file.with_name(f"{self.file.stem}.1{self.file.suffix}"))
            with self.file.open("a", encoding="utf-8") as stream:
                stream.writelines(lines)
        except OSError as error:
            _log.warning("differences are not recorded any more: %s: %s", self.file, error.strerror)
            self.file = None


def _differences(given: Answer, other: Answer) -> list[bool]:
    pairs = zip(given.predictions, other.predictions, strict=True)
    return [not same(one, another) for one, another in pairs]


def same(one: Prediction, other: Prediction) -> bool:
    """Whether two answers say the same: the same labels, or nearly the same number."""
    number, another = getattr(one, "value", None), getattr(other, "value", None)
    if isinstance(number, float) and isinstance(another, float):
        return math.isclose(number, another, rel_tol=_SAME)
    return one.words == other.words


def _shown(version: Version, prediction: Prediction) -> dict[str, Any]:
    shown: dict[str, Any] = {"version": version.name, "answer": prediction.words}
    score = prediction.cells().get("score")
    return shown if score is None else {**shown, "score": round(score, 4)}
