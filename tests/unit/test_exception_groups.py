"""What a task raises in a group, as ``asyncio.TaskGroup`` does, counts like what is in it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jobs import job
from jobs.consumer.hand_back import FREE_ATTEMPTS
from jobs.consumer.outcomes import outcome_of_task_error
from jobs.core.states import AttemptOutcome
from jobs.errors import (
    CannotStart,
    GiveUp,
    JobCancelled,
    OutOfResources,
    TimeLimitReached,
    Unavailable,
)
from tests.claims import make_claim

AWAY = Unavailable("The storage of files cannot be used now.", 10)
SHORT = OutOfResources("the command could not be started", "the disk is full")
NO_LOOP = CannotStart("no event loop could be started for the task", "why")


@pytest.fixture
def task(declared: None) -> str:
    """A task that gives up on everything but one exception."""

    @job(name="tests.gather", retry_on=KeyError)
    def gather() -> None:
        """Do several things at once."""

    return "tests.gather"


def group(*errors: BaseException) -> BaseException:
    return BaseExceptionGroup("unhandled errors in a TaskGroup", errors)


def outcome(task: str, error: BaseException, **fields: Any) -> Any:
    return outcome_of_task_error(make_claim(task=task, max_attempts=3, **fields), error)


@pytest.mark.parametrize(
    "errors",
    [[AWAY], [AWAY, AWAY], [group(AWAY), SHORT], [SHORT], [NO_LOOP]],
    ids=["one", "two", "nested", "too little", "no loop"],
)
def test_a_group_of_outages_is_handed_back(task: str, errors: list[BaseException]) -> None:
    found = outcome(task, group(*errors))
    assert found.outcome == AttemptOutcome.RELEASED
    assert found.pause >= 1
    assert found.message.startswith("handed back: ")
    assert "TaskGroup" not in found.message, "what is away is said, not what held the exception"


def test_what_there_is_too_little_of_lowers_the_slots(task: str) -> None:
    assert outcome(task, group(SHORT)).shortage == str(SHORT)


@pytest.mark.parametrize("other", [KeyError("of its own"), ValueError()])
def test_one_failure_among_them_makes_it_a_failure(task: str, other: Exception) -> None:
    found = outcome(task, group(AWAY, group(other)))
    assert (found.outcome, found.error_type) == (AttemptOutcome.FAILED, "ExceptionGroup")
    assert "The storage of files cannot be used now." in found.traceback
    # An outage is in no ``retry_on``: the failure beside it says whether to try again.
    assert found.final is not isinstance(other, KeyError)


def test_in_the_end_a_group_of_outages_fails_as_a_lone_one(task: str) -> None:
    spent = {"attempt": FREE_ATTEMPTS + 1}
    lone, several = outcome(task, AWAY, **spent), outcome(task, group(AWAY), **spent)
    assert lone.outcome == several.outcome == AttemptOutcome.FAILED
    assert lone.final is several.final is True


def test_a_cancel_ends_it_as_cancelled(task: str) -> None:
    for errors in ([JobCancelled("ada")], [AWAY, JobCancelled("ada")]):
        found = outcome(task, group(*errors))
        assert (found.outcome, found.message) == (AttemptOutcome.CANCELLED, "cancelled by ada")


def test_a_time_limit_ends_it_as_timed_out(task: str) -> None:
    found = outcome(task, group(AWAY, TimeLimitReached()), timeout=7.0)
    assert (found.outcome, found.message) == (AttemptOutcome.TIMED_OUT, "timed out after 7 s")


def test_giving_up_beside_others_is_final(declared: None) -> None:
    @job(name="tests.any")
    def anything() -> None:
        """Be tried again whatever happens."""

    assert not outcome("tests.any", group(AWAY, ValueError())).final
    assert outcome("tests.any", group(AWAY, group(GiveUp("no such address")))).final


def test_what_a_task_group_raises(task: str) -> None:
    """Python's own, which cancels the others: it wraps a single exception too."""

    async def away() -> None:
        raise AWAY

    async def several() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(away())
            tasks.create_task(asyncio.sleep(60))

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(several())
    assert outcome(task, caught.value).outcome == AttemptOutcome.RELEASED
