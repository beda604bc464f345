"""How one attempt runs in a consumer: what its task is told, and who cannot fail its job."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from jobs import JobContext, job
from jobs.catalog import all_tasks, registry
from jobs.compat import task_started
from jobs.consumer import deploy_skew
from jobs.consumer.attempt import Attempt
from jobs.consumer.deploy_skew import LONGEST_PAUSE, MAX_ATTEMPTS
from jobs.consumer.executor import run_attempt
from jobs.consumer.task_process.pool import TaskProcessPool
from jobs.core.states import AttemptOutcome, Status
from jobs.core.uuid7 import uuid7
from jobs.lifecycle import Claim, Outcome
from tests.claims import make_claim

pytestmark = pytest.mark.django_db


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare tasks for this test alone."""
    all_tasks()
    monkeypatch.setattr(registry, "_declared", {})
    monkeypatch.setattr(registry, "_by_name", {})


@pytest.fixture
def told(declared: None) -> dict[str, Any]:
    """Declare a task; return what it was told."""
    seen: dict[str, Any] = {}

    @job(name="tests.look", max_attempts=3)
    def look(context: JobContext) -> int:
        seen["attempt"] = context.attempt
        seen["job"] = context.job_id
        return 7

    return seen


def run(claim: Claim, children: TaskProcessPool | None = None) -> Outcome:
    ended: list[Outcome] = []
    attempt = Attempt(claim, lambda _, outcome: ended.append(outcome), "here:7")
    run_attempt(attempt, children or TaskProcessPool())
    (outcome,) = ended
    return outcome


@pytest.fixture
def receivers() -> Iterator[Callable[[Callable[..., None]], None]]:
    connected: list[Callable[..., None]] = []

    def connect(receiver: Callable[..., None]) -> None:
        connected.append(receiver)
        task_started.connect(receiver)

    yield connect
    for one in connected:
        task_started.disconnect(one)


@pytest.mark.parametrize("attempt", [1, 3])
def test_a_task_is_told_which_attempt_it_is(told: dict[str, Any], attempt: int) -> None:
    claim = make_claim(task="tests.look", kwargs={}, attempt=attempt)
    assert run(claim).result == 7
    assert told == {"attempt": attempt, "job": str(claim.id)}


def test_a_receiver_of_task_started_that_raises_harms_nobody(
    told: dict[str, Any], receivers: Any
) -> None:
    seen: list[Any] = []

    def raise_it(**values: Any) -> None:
        raise ValueError("a fault of the project's")

    def note(task_result: Any, **values: Any) -> None:
        seen.append((task_result.id, task_result.attempts))

    receivers(raise_it)
    receivers(note)
    claim = make_claim(task="tests.look", kwargs={}, attempt=2)
    assert run(claim).outcome == AttemptOutcome.SUCCEEDED
    assert seen == [(str(claim.id), 2)]


def test_nothing_that_a_task_used_is_left_behind(declared: None) -> None:
    used: list[Path] = []

    @job(name="tests.look")
    def look(context: JobContext) -> bool:
        used.append(context.tempdir)
        return context.tempdir.is_dir()

    assert run(make_claim(task="tests.look", kwargs={})).result is True
    assert not used[0].exists()


@pytest.mark.parametrize(
    ("executor", "lost", "alone"),
    [("thread", 0, None), ("thread", 1, True), ("process", 0, False), ("process", 1, True)],
)
def test_what_may_have_killed_a_consumer_runs_in_a_process_of_its_own(
    declared: None, executor: Any, lost: int, alone: bool | None
) -> None:
    @job(name="tests.where", executor=executor)
    def where() -> str:
        return "here"

    asked: list[bool] = []

    class Pool(TaskProcessPool):
        def run(self, attempt: Attempt, files: Any, *, alone: bool) -> Outcome:
            asked.append(alone)
            done = AttemptOutcome.SUCCEEDED
            return Outcome(claim=attempt.claim, outcome=done, result="there")

    claim = make_claim(task="tests.where", kwargs={}, lost_count=lost)
    outcome = run(claim, Pool())
    assert outcome.result == ("here" if alone is None else "there")
    assert asked == ([] if alone is None else [alone])


# A task that the code here does not know.


def unknown(job_id: uuid.UUID, attempt: int = 1) -> Outcome:
    return run(make_claim(id=job_id, task="tests.gone", attempt=attempt, max_attempts=3))


@pytest.fixture
def before(declared: None, monkeypatch: pytest.MonkeyPatch) -> uuid.UUID:
    """A job that was submitted before this process had loaded its code."""
    early = uuid7()
    monkeypatch.setattr(deploy_skew, "_started_at", timezone.now() + timedelta(seconds=1))
    return early


def test_it_fails_at_once_where_no_newer_code_can_know_it(before: uuid.UUID) -> None:
    outcome = unknown(before)
    assert (outcome.outcome, outcome.error_type) == (AttemptOutcome.FAILED, "UnknownTask")
    assert outcome.target == Status.FAILED, "another attempt is no use"


@pytest.mark.usefixtures("declared")
def test_it_is_left_to_newer_code_for_a_while_and_then_fails() -> None:
    late = uuid7()
    pauses = []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        outcome = unknown(late, attempt)
        assert outcome.outcome == AttemptOutcome.RELEASED
        assert "this consumer may have older code" in outcome.message
        pauses.append(outcome.pause)
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(pauses) == pauses[-1] == LONGEST_PAUSE
    last = unknown(late, MAX_ATTEMPTS + 1)
    assert (last.outcome, last.error_type) == (AttemptOutcome.FAILED, "UnknownTask")


@pytest.mark.usefixtures("declared")
def test_an_id_that_tells_no_time_is_of_no_newer_code() -> None:
    assert unknown(uuid.uuid4()).outcome == AttemptOutcome.FAILED
