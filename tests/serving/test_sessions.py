"""A row that is alone is answered by the session that is sooner; batches by the one for batches."""

import time

import numpy as np
import pytest

from mlops_cli.serving.sessions import Sessions


class Timed:
    """A predictor whose sessions are their threads, and take so many milliseconds a row."""

    def __init__(self, **milliseconds):
        self.milliseconds = {int(name[1:]): value for name, value in milliseconds.items()}
        self.made, self.ran = [], []

    def session(self, threads):
        self.made.append(threads)
        return threads

    def run(self, session, rows):
        self.ran.append((session, len(rows)))
        time.sleep(self.milliseconds[session] / 1000)
        return np.zeros((len(rows), 2), dtype=np.float32)


def counts(predictor, since):
    asked = [session for session, _ in predictor.ran[since:]]
    return {session: asked.count(session) for session in (1, 4)}


@pytest.mark.parametrize("sooner", [1, 4])
def test_the_session_that_is_sooner_answers_and_the_other_is_tried_again(sooner):
    other = 5 - sooner
    predictor = Timed(**{f"t{sooner}": 0, f"t{other}": 5})
    sessions = Sessions(predictor, threads=1, alone=4)
    for _ in range(32):  # To know how long each takes.
        sessions.run(["row"], alone=True)
    assert counts(predictor, 0) == {1: 16, 4: 16}
    for _ in range(256):
        sessions.run(["row"], alone=True)
    assert counts(predictor, 32) == {sooner: 254, other: 2}
    predictor.milliseconds = {sooner: 9, other: 0}  # What was sooner once need not stay so.
    for _ in range(2000):
        sessions.run(["row"], alone=True)
    assert counts(predictor, len(predictor.ran) - 100)[other] > 90


def test_batches_and_rows_in_company_are_answered_by_the_session_for_batches():
    predictor = Timed(t1=0, t4=0)
    sessions = Sessions(predictor, threads=1, alone=4)
    sessions.warm(["row"])
    assert predictor.ran == [(1, 1), (4, 1)]
    sessions.run(["row"] * 4, alone=True)
    sessions.run(["row"], alone=False)
    assert predictor.ran[2:] == [(1, 4), (1, 1)]


def test_one_session_does_where_as_many_threads_are_for_both():
    predictor = Timed(t2=0)
    sessions = Sessions(predictor, threads=2, alone=2)
    sessions.warm(["row"])
    for _ in range(10):
        sessions.run(["row"], alone=True)
    assert predictor.made == [2]
