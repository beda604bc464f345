"""How one attempt runs in a consumer: what its task is told, and who cannot fail its job."""

from __future__ import annotations

import asyncio
import io
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from jobs import InputFile, JobContext, job
from jobs.catalog import all_tasks, registry
from jobs.compat import task_started
from jobs.consumer import deploy_skew
from jobs.consumer.attempt import Attempt
from jobs.consumer.capture import captured
from jobs.consumer.deploy_skew import LONGEST_PAUSE, MAX_ATTEMPTS
from jobs.consumer.executor import run_attempt
from jobs.consumer.task_process.pool import TaskProcessPool
from jobs.core.states import AttemptOutcome, Status
from jobs.core.uuid7 import uuid7
from jobs.errors import TransactionLeftOpen
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


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_a_task_has_assigned_is_put_back(declared: None, name: str) -> None:
    """The next job on this thread prints to its log as well."""

    @job(name="tests.look")
    def look() -> None:
        setattr(sys, name, io.StringIO())

    with captured():
        routed = getattr(sys, name)
        run(make_claim(task="tests.look", kwargs={}))
        assert getattr(sys, name) is routed


def test_what_cannot_be_tidied_is_logged_and_the_job_ends(
    declared: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @job(name="tests.look")
    def look() -> int:
        return 7

    def fail(*_: Any) -> None:
        raise OSError("in use")

    monkeypatch.setattr("jobs.consumer.executor.TaskConnections.tidy", fail)
    monkeypatch.setattr(Attempt, "close", fail)
    assert run(make_claim(task="tests.look", kwargs={})).result == 7
    assert "A connection could not be closed." in caplog.messages
    assert "What a task has left behind could not be removed." in caplog.messages


def test_files_that_cannot_be_looked_up_cost_the_job_nothing(
    declared: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    @job(name="tests.look")
    def look(file: InputFile) -> int:
        return 7

    asked: list[Any] = []

    def away(job_id: Any) -> None:
        asked.append(job_id)
        raise OperationalError("away")

    monkeypatch.setattr("jobs.consumer.executor.file_infos", away)
    claim = make_claim(task="tests.look", kwargs={"file": str(uuid7())})
    outcome = run(claim)
    assert (outcome.outcome, asked) == (AttemptOutcome.RELEASED, [claim.id])
    assert outcome.message.endswith("its files could not be looked up: away")


def test_arguments_that_no_longer_fit_are_left_to_newer_code(before: uuid.UUID) -> None:
    @job(name="tests.look")
    def look(number: int) -> int:
        return number

    outcome = run(make_claim(id=before, task="tests.look", kwargs={"other": 1}))
    assert (outcome.error_type, outcome.cannot_begin) == ("InvalidArguments", True)


def test_a_coroutine_ends_as_its_task_or_its_user_says(declared: None) -> None:
    @job(name="tests.seven")
    async def seven() -> int:
        return 7

    @job(name="tests.cancels")
    async def cancels() -> None:
        raise asyncio.CancelledError

    @job(name="tests.fails", max_attempts=1)
    async def fails() -> None:
        raise SystemExit(3)

    assert run(make_claim(task="tests.seven", kwargs={})).result == 7
    own = run(make_claim(task="tests.cancels", kwargs={}))
    assert own.outcome == AttemptOutcome.FAILED, "nobody has asked for it"
    assert run(make_claim(task="tests.fails", kwargs={})).error_type == "SystemExit"
    ended: list[Outcome] = []
    claim = make_claim(task="tests.cancels", kwargs={})
    asked = Attempt(claim, lambda _, outcome: ended.append(outcome), "here:7")
    asked.request_cancel("ada")
    run_attempt(asked, TaskProcessPool())
    assert [(one.outcome, one.message) for one in ended] == [
        (AttemptOutcome.CANCELLED, "cancelled by ada")
    ]


@pytest.mark.parametrize("kind", ["thread", "coroutine"])
def test_a_transaction_left_open_fails_the_job(
    declared: None, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "thread":

        @job(name="tests.look", max_attempts=1)
        def look() -> None: ...

    else:

        @job(name="tests.look", max_attempts=1)
        async def look_on_the_loop() -> None: ...

    def refuse(connections: Any) -> None:
        raise TransactionLeftOpen(["default"])

    place = "jobs.consumer.executor.TaskConnections.refuse_open_transactions"
    monkeypatch.setattr(place, refuse)
    outcome = run(make_claim(task="tests.look", kwargs={}))
    assert outcome.error_type == "jobs.errors.TransactionLeftOpen"


def test_an_attempt_that_was_released_before_does_not_run(told: dict[str, Any]) -> None:
    ended: list[Outcome] = []
    claim = make_claim(task="tests.look", kwargs={})
    attempt = Attempt(claim, lambda _, outcome: ended.append(outcome), "here:7")
    attempt.release("every slot was busy")
    run_attempt(attempt, TaskProcessPool())
    assert told == {}
    assert len(ended) == 1


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
