"""What is kept of how an attempt ended, and when its time is over."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.consumer import attempt as module
from jobs.consumer.attempt import MAX_ERROR_TYPE, MAX_MESSAGE, MAX_TRACEBACK, Attempt
from jobs.core.states import AttemptOutcome
from jobs.lifecycle import Outcome
from tests.claims import make_claim


@pytest.fixture
def ended() -> list[Outcome]:
    return []


@pytest.fixture
def attempt(ended: list[Outcome]) -> Attempt:
    return Attempt(make_claim(timeout=10.0), lambda _, outcome: ended.append(outcome), "here:7")


def failed(attempt: Attempt, **fields: Any) -> Outcome:
    return Outcome(claim=attempt.claim, outcome=AttemptOutcome.FAILED, **fields)


def test_what_a_column_cannot_hold_is_cut(attempt: Attempt, ended: list[Outcome]) -> None:
    """PostgreSQL refuses a longer error type, and text with a NUL."""
    text = "begin\x00" + 200_000 * "x" + "end"
    attempt.settle(failed(attempt, error_type=text, message=text, traceback=text))
    (outcome,) = ended
    kept = outcome.error_type, outcome.message, outcome.traceback
    assert [len(one) for one in kept] == [MAX_ERROR_TYPE, MAX_MESSAGE, MAX_TRACEBACK]
    assert [one[:5] for one in kept] == ["begin", "begin", "xxxxx"]
    assert outcome.traceback.endswith("end"), "the last lines of a traceback say what was raised"
    assert not any("\x00" in one for one in kept)


def test_the_first_outcome_counts(attempt: Attempt, ended: list[Outcome]) -> None:
    first = failed(attempt)
    assert attempt.settle(first)
    assert not attempt.settle(failed(attempt))
    assert not attempt.release("too late")
    assert ended == [first]
    assert attempt.settled


def test_a_released_claim_is_not_begun(attempt: Attempt) -> None:
    attempt.release("every slot was busy")
    assert not attempt.begin()


def test_an_outcome_says_whether_a_cancel_was_asked_for(
    attempt: Attempt, ended: list[Outcome]
) -> None:
    called: list[str] = []
    attempt.on_cancel(lambda: called.append("before"))
    attempt.request_cancel("ada")
    attempt.on_cancel(lambda: called.append("after"))
    attempt.settle(failed(attempt))
    assert called == ["before", "after"]
    assert ended[0].cancel_requested
    assert not ended[0].is_failure


class Clock:
    """Stands still until it is set."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def test_a_thread_is_overdue_after_its_time_limit_and_no_other(
    clock: Clock, attempt: Attempt
) -> None:
    attempt.begin()
    clock.now += 50.0
    attempt.start_time_limit()
    attempt.runs_in_thread = True
    clock.now += 9.9
    assert not attempt.is_overdue()
    clock.now += 0.2
    assert attempt.is_overdue()
    attempt.runs_in_thread = False
    assert not attempt.is_overdue()


def test_a_claim_waits_until_a_thread_takes_it_up(clock: Clock) -> None:
    attempt = Attempt(make_claim(), lambda *_: None, "here:7")
    clock.now += 3.0
    assert attempt.waits_longer_than(2.0)
    assert not attempt.waits_longer_than(4.0)
    attempt.begin()
    assert not attempt.waits_longer_than(2.0)
    clock.now += 5.0
    assert attempt.seconds == 5.0


def test_what_was_reported_is_collected_once(attempt: Attempt) -> None:
    assert attempt.collect() == (None, [])
    attempt.progress(1, None, "one")
    attempt.progress(2, 4, "two\x00")
    attempt.stage("Importing", 2, 3)
    attempt.warn("a warning")
    update, _ = attempt.collect()
    assert update is not None
    assert (update.done, update.total, update.message) == (0.0, None, ""), "of the new stage"
    assert update.stage == {"name": "Importing", "number": 2, "of": 3}
    assert update.warnings == ["a warning"]
    assert "Warning: a warning" in update.log
    assert attempt.collect() == (None, [])


def test_an_attempt_that_has_ended_keeps_no_more_files(attempt: Attempt) -> None:
    attempt.settle(failed(attempt))
    with pytest.raises(RuntimeError, match="has ended"):
        attempt.artifact("a.txt", b"x")
