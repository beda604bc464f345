"""A task that meets an outage of the storage or the database is handed back, for a long time."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import job
from jobs.consumer.hand_back import FREE_ATTEMPTS, LONGEST_PAUSE, hand_back_pause
from jobs.consumer.outcomes import outcome_of_task_error
from jobs.core.states import AttemptOutcome, Status
from jobs.errors import GiveUp, Unavailable
from tests.claims import make_claim

AWAY = Unavailable("The storage of files cannot be used now.", 10)


@pytest.fixture
def task(declared: None) -> str:
    """A task that gives up on everything but one exception."""

    @job(name="tests.keep", retry_on=KeyError)
    def keep() -> None:
        """Keep a file."""

    return "tests.keep"


@pytest.mark.parametrize("attempt", [1, 3, FREE_ATTEMPTS])
def test_it_costs_nothing_but_a_pause(task: str, attempt: int) -> None:
    claim = make_claim(task=task, attempt=attempt, max_attempts=1)
    outcome = outcome_of_task_error(claim, AWAY)
    assert outcome.outcome == AttemptOutcome.RELEASED
    assert outcome.message == "handed back: The storage of files cannot be used now."
    assert outcome.target == Status.SCHEDULED
    assert 1 <= outcome.pause <= LONGEST_PAUSE


def test_pauses_grow() -> None:
    pauses = [hand_back_pause(make_claim(attempt=attempt)) for attempt in (1, 4, 7)]
    assert pauses == sorted(pauses)
    assert sum(hand_back_pause(make_claim(attempt=n)) for n in range(1, FREE_ATTEMPTS + 1)) > 3600


def test_at_last_it_fails_as_others_do(task: str) -> None:
    claim = make_claim(task=task, attempt=FREE_ATTEMPTS + 1)
    outcome = outcome_of_task_error(claim, AWAY)
    assert outcome.outcome == AttemptOutcome.FAILED
    assert outcome.error_type == "jobs.errors.Unavailable"


def test_failures_of_the_task_itself_are_not_counted(task: str) -> None:
    claim = make_claim(task=task, attempt=FREE_ATTEMPTS + 5, failures=5, max_attempts=9)
    assert outcome_of_task_error(claim, AWAY).outcome == AttemptOutcome.RELEASED


@pytest.mark.parametrize("error", [ValueError(), GiveUp(), ConnectionError()])
def test_other_errors_are_failures(task: str, error: Any) -> None:
    assert outcome_of_task_error(make_claim(task=task), error).outcome == AttemptOutcome.FAILED
