"""The engine answers as the predictor does, whatever arrives together; what can't be is refused."""

import asyncio
import gc
import time
import weakref
from contextvars import ContextVar

import numpy as np
import pytest

from mlops_cli.errors import DataError
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.engine import Engine
from mlops_cli.serving.jobs import Question
from mlops_cli.serving.refusals import Late, Overloaded, Unavailable, Unprocessable
from mlops_cli.serving.runtime import Predictor

WORDS = [
    "the",
    "boy",
    "near",
    "a",
    "quiet",
    "queen",
    "blamed",
    "himself",
    "and",
    "watered",
    "every",
    "plant",
]
TEXTS = [" ".join(WORDS[: 1 + n % len(WORDS)] * (1 + n % 3)) for n in range(60)]


@pytest.fixture(scope="module")
def predictor(trained):
    return Predictor(bundles.load(trained.path / "bundle"), threads=2)


@pytest.fixture
def engine(predictor):
    engine = Engine(predictor, sessions=2, batch=4, queue=256)
    yield engine
    engine.close()


def asked(engine, *questions, seconds=30.0):
    """Asks all at once."""

    async def run():
        deadline = time.monotonic() + seconds
        asking = [engine.ask(question, deadline=deadline) for question in questions]
        return await asyncio.gather(*asking, return_exceptions=True)

    return asyncio.run(run())


def test_many_at_once_are_answered_as_one_by_one(engine, predictor):
    expected, outputs, _ = predictor.predict({"text": TEXTS}, top_k=2)
    answers = asked(engine, *(Question({"text": [text]}, top_k=2) for text in TEXTS))
    assert [answer.predictions[0].label for answer in answers] == [one.label for one in expected]
    np.testing.assert_allclose(np.concatenate([a.outputs for a in answers]), outputs, atol=1e-5)
    assert max(answer.batch for answer in answers) == 4
    assert engine.waiting == 0


def test_rows_of_one_question_keep_their_order_and_empty_ones_get_nothing(engine, predictor):
    texts = [TEXTS[30], " ", TEXTS[0], "", TEXTS[11]]
    (answer,) = asked(engine, Question({"text": texts}))
    expected, _, _ = predictor.predict({"text": [texts[0], texts[2], texts[4]]})
    labels = [one.label for one in answer.predictions]
    assert labels == [expected[0].label, None, expected[1].label, None, expected[2].label]
    (answer,) = asked(engine, Question({"text": ["", " "]}))
    assert [one.label for one in answer.predictions] == [None, None]
    assert engine.waiting == 0


def test_a_deadline_that_passed_is_told_and_costs_no_work(engine):
    (late,) = asked(engine, Question({"text": ["late"]}), seconds=-1)
    assert isinstance(late, Late)
    assert late.retry_after == 1
    assert engine.waiting == 0


def test_beyond_the_queue_questions_are_refused(predictor):
    engine = Engine(predictor, sessions=1, batch=4, queue=20)
    answers = asked(engine, *(Question({"text": TEXTS[:8]}) for _ in range(12)))
    refused = [answer for answer in answers if isinstance(answer, Overloaded)]
    assert 8 <= len(refused) < 12
    assert all(one.status == 429 and one.retry_after >= 1 for one in refused)
    assert all(len(one.predictions) == 8 for one in answers if one not in refused)
    # What is larger than the queue is answered where nothing else waits.
    (alone,) = asked(engine, Question({"text": TEXTS}))
    assert len(alone.predictions) == 60
    engine.close()


def test_what_could_only_be_late_is_refused_at_once(predictor):
    engine = Engine(predictor, sessions=1, batch=4, queue=10_000)
    asked(engine, Question({"text": TEXTS}))  # It knows now what a row takes.
    answers = asked(engine, *(Question({"text": TEXTS}) for _ in range(100)), seconds=0.05)
    assert {type(answer) for answer in answers} >= {Overloaded}
    engine.close()


def test_a_row_that_fails_fails_alone(engine, predictor, monkeypatch):
    whole = predictor.run
    poison = predictor.task.encoder.encode({"text": ["poison"]})[0]

    def run(session, rows):
        if poison in rows:
            raise DataError("no such row", hint="leave it out")
        return whole(session, rows)

    monkeypatch.setattr(predictor, "run", run)
    answers = asked(engine, *(Question({"text": [text]}) for text in [*TEXTS[:10], "poison"]))
    assert isinstance(answers[-1], Unprocessable)
    assert (answers[-1].message, answers[-1].hint) == ("no such row", "leave it out")
    assert all(len(answer.predictions) == 1 for answer in answers[:-1])


def test_closing_answers_what_was_asked_and_then_refuses(predictor):
    engine = Engine(predictor, sessions=2, batch=4, queue=256)

    async def run():
        asking = [
            asyncio.create_task(
                engine.ask(Question({"text": [text]}), deadline=time.monotonic() + 30)
            )
            for text in TEXTS
        ]
        await asyncio.sleep(0)
        await asyncio.to_thread(engine.close)
        with pytest.raises(Unavailable):
            await engine.ask(Question({"text": ["a"]}), deadline=time.monotonic() + 30)
        return await asyncio.gather(*asking)

    assert len(asyncio.run(run())) == 60


def test_a_deadline_is_kept_while_the_engine_is_at_a_long_text(engine, predictor, monkeypatch):
    encoded, encode = [], type(predictor.task.encoder).encode

    def slowly(self, inputs):
        encoded.append(len(inputs["text"]))
        time.sleep(0.3)
        return encode(self, inputs)

    monkeypatch.setattr(type(predictor.task.encoder), "encode", slowly)
    began = time.monotonic()
    (late,) = asked(engine, Question({"text": ["long " * 10_000] * 20}), seconds=0.5)
    assert isinstance(late, Late)
    assert 0.4 < time.monotonic() - began < 0.9
    assert engine.waiting == 0
    time.sleep(1)  # Nobody waits: the rest is not encoded.
    assert 1 <= len(encoded) <= 3
    assert set(encoded) == {1}


def test_each_asker_has_a_deadline_of_its_own(engine, predictor, monkeypatch):
    monkeypatch.setattr(predictor, "run", lambda *rows: time.sleep(2))

    async def run():
        began, ends = time.monotonic(), {}

        async def ask(seconds):
            with pytest.raises(Late):
                await engine.ask(Question({"text": ["a"]}), deadline=began + seconds)
            ends[seconds] = time.monotonic() - began

        await asyncio.gather(*(ask(seconds) for seconds in (0.6, 0.2, 0.4, 0.6)))
        return ends

    ends = asyncio.run(run())
    assert ends == {seconds: pytest.approx(seconds, abs=0.15) for seconds in (0.2, 0.4, 0.6)}


def test_the_clock_holds_nothing_of_a_request_that_was_answered(engine):
    """Else each version that is swapped out stays in memory until the deadline has passed."""
    of_request = ContextVar("of_request")

    async def request():
        version = asyncio.Event()  # Anything that can be referred to weakly.
        of_request.set(version)
        await engine.ask(Question({"text": TEXTS[:1]}), deadline=time.monotonic() + 60)
        return weakref.ref(version)

    async def run():
        version = await asyncio.create_task(request())
        await asyncio.sleep(0)  # The loop lets go of the task.
        gc.collect()
        return version()

    assert asyncio.run(run()) is None


def test_parts_of_a_long_question_are_encoded_as_the_whole_is(engine, predictor):
    texts = [f"{text} {number} " * 60 for number, text in enumerate(TEXTS)]
    assert sum(map(len, texts)) > 100_000
    expected, outputs, _ = predictor.predict({"text": texts})
    (answer,) = asked(engine, Question({"text": texts}))
    assert [one.label for one in answer.predictions] == [one.label for one in expected]
    np.testing.assert_allclose(answer.outputs, outputs, atol=1e-5)


@pytest.mark.parametrize("part", ["_items", "_pick", "_run"])
def test_a_defect_of_ours_ends_a_request_and_no_thread(predictor, monkeypatch, part):
    engine = Engine(predictor, sessions=1, batch=4, queue=256)
    real = getattr(engine, part)

    def break_once(*args, **named):
        monkeypatch.setattr(engine, part, real)
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(engine, part, break_once)
    (broken,) = asked(engine, Question({"text": TEXTS[:3]}), seconds=5)
    assert isinstance(broken, ZeroDivisionError)
    assert engine.waiting == 0
    (answer,) = asked(engine, Question({"text": TEXTS[:3]}), seconds=5)
    assert len(answer.predictions) == 3
    assert engine.waiting == 0
    engine.close()
