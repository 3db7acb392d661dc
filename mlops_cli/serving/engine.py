"""The engine: rows of many requests, answered in small batches of similar length.

Threads take what waits, encode it, and answer the oldest row together with the rows nearest to it
in size. A batch is never waited for: it is what came in while the engine was busy. On a CPU small
batches of similar length answer the most rows a second.
"""

import asyncio
import threading
import time
from bisect import insort
from collections import deque
from contextlib import suppress
from functools import partial
from operator import attrgetter

import numpy as np

from mlops_cli.serving import encoding
from mlops_cli.serving.clock import Clock
from mlops_cli.serving.jobs import Answer, Item, Job, Question, attempt, late, tell
from mlops_cli.serving.refusals import Overloaded, Unavailable
from mlops_cli.serving.runtime import Predictor
from mlops_cli.serving.sessions import Sessions
from mlops_cli.tasks import Outputs, joined

WINDOW = 64
"""Encoded rows to choose a batch of similar sizes from; more gain nothing (measured)."""
_MEMORY = 0.1
"""Weight of the newest batch in the mean time that a row takes."""
_MARGIN = 0.5
"""Share of its time in which an answer must be expected to come: what is expected is a mean, and a
machine with other work may well be half as fast from one second to the next."""
_SIZE = attrgetter("size")
_NOTHING: Outputs = np.zeros((0, 0), dtype=np.float32)


class Engine:
    """Answers questions with a predictor.

    Args:
        predictor: Runs the graph.
        sessions: Batches that are answered at once.
        threads: CPU threads of each of them.
        lone_threads: CPU threads that may answer a row that is alone.
        batch: Most rows in a batch.
        queue: Most rows that wait.
    """

    def __init__(
        self,
        predictor: Predictor,
        *,
        sessions: int,
        batch: int,
        queue: int,
        threads: int = 1,
        lone_threads: int = 1,
    ) -> None:
        self.predictor = predictor
        self._sessions, self._batch, self._queue = sessions, batch, queue
        self._asked: deque[Job] = deque()
        self._ready: list[Item] = []
        self._news = threading.Condition()
        self._waiting, self._busy, self._numbers = 0, 0, 0
        self._row_seconds, self._closed = 0.0, False
        self._clock: Clock | None = None
        self._graph = Sessions(predictor, threads=threads, lone_threads=lone_threads)
        self._threads = [
            threading.Thread(target=self._work, name=f"session-{number}", daemon=True)
            for number in range(sessions)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Rows that wait."""
        return self._waiting

    async def ask(self, question: Question, *, deadline: float) -> Answer:
        """The answer to a question.

        Args:
            question: The rows.
            deadline: When the asker stops waiting, by `time.monotonic`.

        Raises:
            Overloaded: So many rows wait that the answer would come too late.
            Late: The deadline passed.
            Unprocessable: A row is none that the model takes.
            Unavailable: The engine is closed.
        """
        loop = asyncio.get_running_loop()
        job = Job(question, deadline, time.monotonic(), loop, loop.create_future(), question.rows)
        with self._news:
            self._admit(job)
            self._asked.append(job)
            self._waiting += question.rows
            self._news.notify()
        if self._clock is None or self._clock.loop is not loop:
            self._clock = Clock(loop)
        clock = self._clock
        clock.watch(job)
        try:
            return await job.future
        finally:
            clock.forget(job)
            job.over = True  # Of an asker who has gone, too: nobody works for him.
            if job.waiting:
                with self._news:
                    self._leave(job, job.waiting)

    def warm(self, question: Question) -> None:
        """Runs each session once, so that the first request finds them with memory and threads.

        Raises:
            DataError: onnxruntime can't run the graph.
        """
        self._graph.warm(self.predictor.task.encoder.encode(question.inputs))

    def close(self) -> None:
        """Answers what was asked, then ends the threads. A closed engine refuses questions."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        for thread in self._threads:
            thread.join()

    def _admit(self, job: Job) -> None:
        """Refuses a job that can't be answered in time."""
        if job.deadline <= job.asked:
            raise late()
        if self._closed:
            raise Unavailable("this version is being taken down", retry_after=1)
        rows = self._waiting + job.question.rows
        seconds = rows * self._row_seconds / self._sessions
        full = self._waiting and rows > self._queue
        too_late = seconds > (job.deadline - job.asked) * _MARGIN
        if full or (self._waiting and too_late):
            raise Overloaded(
                f"{self._waiting} rows wait already",
                hint="try again a little later, or send less at once",
                retry_after=max(1, round(seconds)),
            )

    def _work(self) -> None:
        """What each thread does until the engine is closed and all is answered."""
        while True:
            with self._news:
                while not (self._asked or self._ready):
                    if self._closed:
                        return
                    self._news.wait()
                fresh = self._take()
            batch: list[Item] = []
            failure = attempt(partial(self._turn, fresh, batch))
            if failure is not None:  # A defect of ours: the thread has others to answer.
                self._fail([*fresh, *(item.job for item in batch)], failure)

    def _turn(self, fresh: list[Job], batch: list[Item]) -> None:
        """Encodes what was asked, and answers a batch of what is ready.

        Args:
            fresh: What was asked.
            batch: Takes the batch.
        """
        since = time.monotonic()
        items = [item for job in fresh for item in self._items(job)]
        with self._news:
            for item in items:
                self._numbers += 1
                item.number = self._numbers
                insort(self._ready, item, key=_SIZE)
            batch += self._pick()
            alone = not self._busy and not self._asked and not self._ready
            self._busy += bool(batch)
            if self._asked or self._ready:
                self._news.notify()
        if not batch:
            return
        try:
            self._run(batch, time.monotonic(), alone=alone)
        finally:
            with self._news:  # With encoding before and answering after it.
                seconds = (time.monotonic() - since) / len(batch)
                weight = _MEMORY if self._row_seconds else 1.0
                self._row_seconds += (seconds - self._row_seconds) * weight

    def _fail(self, jobs: list[Job], error: Exception) -> None:
        """Ends the jobs of a turn that failed; where it had none, all that it could choose from."""
        with self._news:
            if not jobs:
                jobs = [item.job for item in self._ready]
                self._ready = []
            for job in jobs:
                self._leave(job, job.waiting)
        for job in jobs:
            with suppress(RuntimeError):  # Its loop is closed: nobody waits.
                tell([(job, error)])

    def _leave(self, job: Job, rows: int) -> None:
        """Rows of a job that wait no more; those of one that failed were all taken off then."""
        rows = min(rows, job.waiting)
        job.waiting -= rows
        self._waiting -= rows

    def _take(self) -> list[Job]:
        """The oldest jobs that fill the window up."""
        room, taken = WINDOW - len(self._ready), []
        while self._asked and room > 0:
            taken.append(self._asked.popleft())
            room -= taken[-1].question.rows
        return taken

    def _items(self, job: Job) -> list[Item]:
        """The rows of a job, encoded; none where it is over already."""
        sizes = attempt(partial(encoding.encode, self.predictor.task.encoder, job))
        kept = [] if isinstance(sizes, Exception) else sizes
        with self._news:
            self._leave(job, job.question.rows - len(kept))
        if isinstance(sizes, Exception):
            tell([(job, sizes)])
        elif not kept:
            tell([(job, self._answer(job))])
        return [Item(size, 0, row, job) for row, size in enumerate(kept)]

    def _pick(self) -> list[Item]:
        """The oldest row and those nearest to it in size, taken off what is ready."""
        self._drop_late()
        if not self._ready:
            return []
        oldest = min(range(len(self._ready)), key=lambda place: self._ready[place].number)
        first, end = oldest, oldest + 1
        while end - first < min(self._batch, len(self._ready)):
            size = self._ready[oldest].size
            below = size - self._ready[first - 1].size if first else None
            above = self._ready[end].size - size if end < len(self._ready) else None
            if above is None or (below is not None and below <= above):
                first -= 1
            else:
                end += 1
        batch = self._ready[first:end]
        del self._ready[first:end]
        return batch

    def _drop_late(self) -> None:
        """Takes rows off whose asker waits no more."""
        now = time.monotonic()
        if all(not item.job.over and item.job.deadline > now for item in self._ready):
            return
        over = {id(one.job): one.job for one in self._ready if one.job.deadline <= now}
        tell([(job, late()) for job in over.values()])
        kept = [item for item in self._ready if not item.job.over]
        for item in self._ready:
            if item.job.over:
                self._leave(item.job, 1)
        self._ready = kept

    def _run(self, batch: list[Item], began: float, *, alone: bool = False) -> None:
        """Answers a batch; where that fails, row by row, so that one request fails alone."""
        found = attempt(partial(self._outputs, batch, alone=alone))
        if isinstance(found, Exception) and len(batch) > 1:
            with self._news:
                self._busy += len(batch) - 1
            for item in batch:
                self._run([item], time.monotonic())
            return
        with self._news:  # Two batches may hold the last rows of one job.
            self._busy -= 1  # Who is told now may ask again before this thread is through.
            for item in batch:
                self._leave(item.job, 1)
            if not isinstance(found, Exception):
                for item, outputs in zip(batch, found, strict=True):
                    item.job.take(item.row, outputs, began=began, batch=len(batch))
            whole = {id(item.job): item.job for item in batch if item.job.whole}
        if isinstance(found, Exception):
            tell([(batch[0].job, found)])
        else:
            tell([(job, self._answer(job)) for job in whole.values()])

    def _outputs(self, batch: list[Item], *, alone: bool) -> Outputs:
        """What the network says of a batch."""
        rows = [item.job.encoded[item.row] for item in batch]
        return self._graph.run(rows, lone_size=batch[0].size if alone and not rows[1:] else None)

    def _answer(self, job: Job) -> Answer | Exception:
        """The answer made of the outputs."""
        head, question = self.predictor.task.head, job.question
        predictions = [head.nothing] * question.rows
        if not job.there:
            return Answer(predictions, _NOTHING, 0.0, 0)
        outputs = joined([job.outputs[row] for row in range(len(job.there))])
        answers = partial(head.answers, top_k=question.top_k, threshold=question.threshold)
        found = attempt(partial(answers, outputs, job.inputs, job.encoded))
        if isinstance(found, Exception):
            return found
        for place, answer in zip(job.there, found, strict=True):
            predictions[place] = answer
        return Answer(predictions, outputs, job.began - job.asked, job.batch)
