"""A version on trial is judged by what became of its requests."""

import asyncio
import time
from dataclasses import dataclass, field

import pytest

from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving.comparison import Comparisons
from mlops_cli.serving.jobs import Answer, Question
from mlops_cli.serving.refusals import Late, Overloaded, Unprocessable
from mlops_cli.serving.rollout import Rollout
from mlops_cli.serving.trial import Trial


def trial(**settings):
    return Trial(ServeConfig(canary_min_requests=100, **settings), share=0.1)


def fed(one, *, own=0, failed=0, primary=0, seconds=0.010, primary_seconds=0.010):
    """The verdicts while requests come in."""
    verdicts = []
    for _ in range(primary):
        one.primary.add(primary_seconds)
    for number in range(own):
        one.own.add(seconds, failed=number < failed)
        verdicts.append(one.verdict())
    return verdicts


def test_a_version_that_does_well_runs_on_until_its_time_is_over():
    one = trial(canary_seconds=600)
    assert {verdict.outcome for verdict in fed(one, own=300, primary=300)} == {"running"}
    one.began -= 600
    outcomes = [verdict.outcome for verdict in fed(one, own=32)]
    assert outcomes.count("passed") == 2
    assert one.passed


def test_its_time_alone_is_no_proof():
    one = trial(canary_seconds=0)
    assert {verdict.outcome for verdict in fed(one, own=99, primary=99)} == {"running"}


@pytest.mark.parametrize(("failed", "outcome"), [(1, "running"), (2, "failed")])
def test_more_failures_than_the_limit_could_bear_are_told_at_once(failed, outcome):
    verdict = fed(trial(canary_max_error_rate=0.01), own=2, failed=failed)[-1]
    assert verdict.outcome == outcome
    assert (verdict.reason == "2 of 2 requests failed; 0.01 of all is allowed") == (failed == 2)


@pytest.mark.parametrize(("allowed", "told"), [(False, ""), (True, ": 'secret' is no number")])
def test_the_last_failure_is_told_and_its_words_where_inputs_may_be(allowed, told):
    one = trial(canary_max_error_rate=0, log_inputs=allowed)
    one.failure = ValueError("'secret' is no number")
    (verdict,) = fed(one, own=1, failed=1)
    assert verdict.reason.endswith(f"; the last with ValueError{told}")


def test_old_failures_are_forgotten():
    one = trial(canary_max_error_rate=0.01)
    fed(one, own=1000, failed=1)
    assert (one.own.failed, one.own.requests) == (1, 1000)
    fed(one, own=1)
    assert (one.own.failed, one.own.requests) == (0, 1000)


def test_a_slow_version_is_told_once_there_are_enough_requests_of_both():
    assert {verdict.outcome for verdict in fed(trial(), own=300, seconds=0.1)} == {"running"}
    verdicts = fed(trial(), own=112, primary=100, seconds=0.1, primary_seconds=0.02)
    assert [verdict.outcome for verdict in verdicts].index("failed") == 111
    assert verdicts[-1].reason == (
        "its p95 is 100.0 ms, 5.0 times the primary's 20.0 ms; 2 times is allowed"
    )


def test_what_nobody_would_notice_is_not_slow():
    verdicts = fed(trial(), own=300, primary=300, seconds=0.004, primary_seconds=0.001)
    assert {verdict.outcome for verdict in verdicts} == {"running"}


def test_a_version_of_another_opinion_is_told():
    one = trial(canary_max_disagreement=0.2)
    one.agreement.add([True] * 20)
    assert one.verdict().outcome == "running"
    one.agreement.add([True])
    assert one.verdict().reason == (
        "21 of 21 rows were answered otherwise than by the primary; 0.2 of all is allowed"
    )
    one.agreement.add([False] * 200)
    assert one.verdict().outcome == "running"


def test_it_gets_its_share():
    one = trial()
    assert 700 < sum(one.takes() for _ in range(10_000)) < 1300


@dataclass
class Said:
    """A version, and its engine, that says one thing; so many rows wait already."""

    name: str
    says: Answer | Exception = field(default_factory=lambda: Answer([], None, 0.0, 1))
    waiting: int = 0

    @property
    def engine(self):
        return self

    async def ask(self, question, *, deadline):
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@pytest.mark.parametrize(
    ("refusal", "waiting", "requests", "failed"),
    [
        (Overloaded("9 rows wait already"), 9, 0, 0),
        (Late("the answer did not come in time"), 9, 1, 0),
        (Late("the answer did not come in time"), 0, 1, 1),
        (Unprocessable("a row is none"), 9, 1, 1),
        (ValueError("a defect"), 0, 1, 1),
    ],
)
def test_load_is_no_failure_of_the_version_that_meets_it(refusal, waiting, requests, failed):
    verdicts, primary = [], Said("good")
    canary = Said("new", refusal, waiting)
    one = trial(canary_max_error_rate=0)
    rollout = Rollout(lambda: primary, Comparisons(), verdicts.append, canary, one)
    ends = time.monotonic() + 10
    reply = asyncio.run(rollout.ask(Question({"text": ["a"]}), canary, ends))
    assert reply.version is primary
    assert (one.own.requests, one.own.failed, len(verdicts)) == (requests, failed, failed)
