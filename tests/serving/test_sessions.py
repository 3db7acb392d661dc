"""A row that is alone is answered by the session that is sooner; batches by the one for batches."""

from types import SimpleNamespace

import numpy as np
import pytest

from mlops_cli.serving import sessions as module
from mlops_cli.serving.sessions import Sessions


class Timed:
    """A predictor whose sessions are their threads and take so many milliseconds, by its own clock."""

    def __init__(self, **milliseconds):
        self.milliseconds = {int(name[1:]): value for name, value in milliseconds.items()}
        self.made, self.ran, self.now = [], [], 0.0

    def session(self, threads):
        self.made.append(threads)
        return threads

    def run(self, session, rows):
        self.ran.append((session, len(rows)))
        self.now += self.milliseconds[session] / 1000
        return np.zeros((len(rows), 2), dtype=np.float32)


@pytest.fixture
def timed(monkeypatch):
    """Makes a `Timed`, whose clock is that of the sessions."""

    def make(**milliseconds):
        predictor = Timed(**milliseconds)
        clock = SimpleNamespace(perf_counter=lambda: predictor.now)
        monkeypatch.setattr(module, "time", clock)
        return predictor

    return make


def counts(predictor, since):
    asked = [session for session, _ in predictor.ran[since:]]
    return {session: asked.count(session) for session in (1, 4)}


def ask(sessions, times, size=10):
    for _ in range(times):
        sessions.run(["row"], lone_size=size)


@pytest.mark.parametrize("sooner", [1, 4])
def test_the_session_that_is_sooner_answers_and_the_other_is_tried_again(timed, sooner):
    other = 5 - sooner
    predictor = timed(**{f"t{sooner}": 0, f"t{other}": 5})
    sessions = Sessions(predictor, threads=1, lone_threads=4)
    ask(sessions, 16)  # To know how long each takes.
    assert counts(predictor, 0) == {1: 8, 4: 8}
    ask(sessions, 512)  # Tried: the 1st, 2nd, 4th … 512th.
    assert counts(predictor, 16) == {sooner: 502, other: 10}
    predictor.milliseconds = {sooner: 9, other: 0}  # What was sooner once need not stay so.
    ask(sessions, 500)
    assert counts(predictor, len(predictor.ran) - 100)[other] > 90


def test_a_session_that_was_slow_at_the_start_alone_is_found_out(timed):
    predictor = timed(t1=1, t4=5)
    sessions = Sessions(predictor, threads=1, lone_threads=4)
    ask(sessions, 16)
    predictor.milliseconds = {1: 1, 4: 0}
    ask(sessions, 30)
    since = len(predictor.ran)
    ask(sessions, 20)
    assert counts(predictor, since)[4] >= 19


def test_short_and_long_rows_have_sessions_of_their_own(timed):
    predictor = timed()
    sessions = Sessions(predictor, threads=1, lone_threads=4)
    short, long = {1: 0, 4: 3}, {1: 3, 4: 0}
    for size, milliseconds in ((5, short), (50, long), (7, short), (40, long)):
        predictor.milliseconds = milliseconds
        ask(sessions, 16, size=size)
    asked = [session for session, _ in predictor.ran]
    assert asked[32:48].count(1) == 11  # The others: tried.
    assert asked[48:].count(4) == 11


def test_batches_and_rows_in_company_are_answered_by_the_session_for_batches(timed):
    predictor = timed(t1=0, t4=0)
    sessions = Sessions(predictor, threads=1, lone_threads=4)
    sessions.warm(["row"])
    assert predictor.ran == [(1, 1), (4, 1)]
    sessions.run(["row"] * 4)
    sessions.run(["row"])
    assert predictor.ran[2:] == [(1, 4), (1, 1)]


@pytest.mark.parametrize("lone_threads", [1, 2])
def test_one_session_does_where_a_lone_row_has_no_more_threads(timed, lone_threads):
    predictor = timed(t2=0)
    sessions = Sessions(predictor, threads=2, lone_threads=lone_threads)
    sessions.warm(["row"])
    ask(sessions, 10)
    assert predictor.made == [2]
