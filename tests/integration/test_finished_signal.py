"""``task_finished`` for the ends that no test with real consumers reaches."""

from __future__ import annotations

import logging
import sys
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.compat import FRAMEWORK_LOGGER, task_finished
from jobs.consumer.finished_signals import FinishedSignals
from jobs.core.states import AttemptOutcome, Status
from jobs.lifecycle import Claim, Outcome
from jobs.lifecycle.promote import promote_jobs
from jobs.models import Job
from jobs.submission import cancel, cancel_job
from jobs.submission.cancel import cancel_waiting_jobs
from jobs.submission.signals import (
    send_task_cancelled,
    send_task_finished,
    wants_task_finished,
)
from tests.claims import make_claim
from tests.factories import end, make_consumer, make_job, take_one
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db
square: Any = tasks.square


@pytest.fixture
def received() -> Iterator[list[Any]]:
    """What was sent: the result, and the exception that was being handled."""
    seen: list[Any] = []

    def listen(sender: type, task_result: Any, **kwargs: Any) -> None:
        seen.append((task_result, sys.exc_info()[1]))

    task_finished.connect(listen)
    yield seen
    task_finished.disconnect(listen)


def outcome_of(claim: Claim, ending: AttemptOutcome, **fields: Any) -> Outcome:
    return Outcome(claim=claim, outcome=ending, ended_at=timezone.now(), **fields)


def ended(ending: AttemptOutcome, **fields: Any) -> Outcome:
    claim = take_one()
    end(claim, ending, **fields)
    return outcome_of(claim, ending, **fields)


def test_a_retry_a_release_and_a_loss_are_no_ends(received: list[Any]) -> None:
    for ending in (AttemptOutcome.FAILED, AttemptOutcome.RELEASED, AttemptOutcome.LOST):
        square.enqueue(7)
        send_task_finished([ended(ending)])
        Job.objects.all().delete()
    assert received == []


@pytest.mark.parametrize(
    "ending", [AttemptOutcome.FAILED, AttemptOutcome.RELEASED, AttemptOutcome.LOST]
)
def test_with_a_cancel_requested_each_of_them_is_the_end(
    ending: AttemptOutcome, received: list[Any]
) -> None:
    result = square.enqueue(7)
    claim = take_one()
    cancel_job(Job.objects.get().pk, "ada")
    end(claim, ending, error_type="ValueError")
    send_task_finished([outcome_of(claim, ending, error_type="ValueError")])
    [(found, exception)] = received
    assert (found.id, str(found.status)) == (result.id, "FAILED")
    assert str(exception) == "cancelled by ada"


def test_a_waiting_job_that_is_cancelled_is_told_once(received: list[Any], ada: User) -> None:
    job = make_job(status=Status.SCHEDULED)
    with transaction.atomic():
        cancel_job(job.pk, "ada")
    cancel_job(job.pk, "ada")
    assert received == [], "the test's transaction is open"


@pytest.mark.django_db(transaction=True)
def test_the_cancel_of_a_waiting_job_is_told_after_the_commit(received: list[Any]) -> None:
    job = make_job(status=Status.SCHEDULED)
    with transaction.atomic():
        cancel_job(job.pk, "ada")
        assert received == []
    cancel_job(job.pk, "ada")
    [(found, exception)] = received
    assert (found.id, str(exception)) == (str(job.pk), "cancelled by ada")
    assert found.finished_at is not None


@pytest.mark.parametrize(
    ("level", "success", "failure"),
    [(logging.INFO, True, True), (logging.WARNING, False, True), (logging.CRITICAL, False, False)],
)
def test_nobody_is_told_where_only_the_framework_listens_and_does_not_log(
    level: int, success: bool, failure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FRAMEWORK_LOGGER, "isEnabledFor", lambda asked: asked >= level)
    claim = make_claim()
    wants = [
        wants_task_finished(outcome_of(claim, ending))
        for ending in (AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED)
    ]
    assert wants == [success, failure]


def test_the_result_has_the_value_that_was_returned(received: list[Any]) -> None:
    square.enqueue(7)
    send_task_finished([ended(AttemptOutcome.SUCCEEDED, result=49)])
    [(found, _)] = received
    assert found.return_value == 49


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_failure_has_the_traceback_of_its_last_attempt(
    received: list[Any], is_cancelled: bool
) -> None:
    square.options(max_attempts=2).enqueue(7)
    end(take_one(), AttemptOutcome.FAILED, error_type="ValueError", traceback="the first")
    promote_jobs(Job.objects.all())
    if is_cancelled:
        cancel_job(Job.objects.get().pk, "ada")
        send_task_cancelled(Job.objects.get().pk)
    else:
        error = {"error_type": "ValueError", "message": "no", "traceback": "the second"}
        send_task_finished([ended(AttemptOutcome.FAILED, **error)])
    [(_, exception)] = received
    assert str(exception) == ("cancelled by ada" if is_cancelled else "no")
    assert ("the second" in str(exception.__cause__)) is not is_cancelled
    assert "the first" not in str(exception.__cause__)


def test_of_many_that_are_cancelled_each_is_told(
    received: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    jobs = [make_job(), make_job(status=Status.SCHEDULED)]
    with django_capture_on_commit_callbacks(execute=True):
        cancel_waiting_jobs([job.pk for job in jobs], "ada")
        assert received == []
    assert {found.id for found, _ in received} == {str(job.pk) for job in jobs}


@pytest.mark.django_db(transaction=True)
def test_a_cancel_whose_signal_cannot_be_sent_is_a_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(job_id: uuid.UUID) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(cancel, "send_task_cancelled", away)
    job = make_job()
    assert cancel_job(job.pk, "ada") is lifecycle.CancelResult.CANCELLED
    job.refresh_from_db()
    assert job.status == Status.CANCELLED


def test_a_job_that_runs_again_already_has_not_ended(received: list[Any]) -> None:
    square.options(max_attempts=1).enqueue(7)
    outcome = ended(AttemptOutcome.FAILED)
    lifecycle.requeue_job(Job.objects.get())
    send_task_finished([outcome])
    assert received == []


def test_a_job_whose_row_or_task_is_gone_is_not_told(received: list[Any]) -> None:
    square.enqueue(7)
    outcome = ended(AttemptOutcome.SUCCEEDED)
    Job.objects.update(task="gone.task", module_path="gone.task")
    send_task_finished([outcome])
    Job.objects.all().delete()
    send_task_finished([outcome])
    assert received == []


def test_a_poison_job_of_a_dead_consumer_is_returned_to_be_told(received: list[Any]) -> None:
    square.options(max_attempts=1).enqueue(7)
    consumer = make_consumer().pk
    take_one(consumer=consumer)
    Job.objects.update(lost_count=10)
    with transaction.atomic():
        outcomes = lifecycle.rescue_jobs(consumer)
    send_task_finished(outcomes)
    [(found, exception)] = received
    assert [error.exception_class.__name__ for error in found.errors] == ["WorkerDied"]
    assert type(exception).__name__ == "WorkerDied"


def test_the_exception_that_was_raised_is_the_one_that_is_handled(received: list[Any]) -> None:
    square.options(max_attempts=1).enqueue(7)
    raised = ValueError("m")
    send_task_finished([ended(AttemptOutcome.FAILED, error_type="ValueError", exception=raised)])
    [(_, exception)] = received
    assert exception is raised
    assert exception.__traceback__ is None, "no frame of ours is added"


def test_a_receiver_that_fails_harms_no_other_job(received: list[Any]) -> None:
    def broken(**kwargs: Any) -> None:
        raise RuntimeError("the receiver's own fault")

    outcomes = []
    for _ in range(2):
        square.enqueue(7)
        outcomes.append(ended(AttemptOutcome.SUCCEEDED))
    task_finished.connect(broken)
    try:
        send_task_finished(outcomes)
    finally:
        task_finished.disconnect(broken)
    assert len(received) == 2


def test_nothing_starts_while_nobody_listens() -> None:
    square.enqueue(7)
    signals = FinishedSignals()
    before = threading.active_count()
    signals.add([ended(AttemptOutcome.SUCCEEDED)])
    assert threading.active_count() == before
    assert signals.flush(0)


def test_signals_wait_while_the_database_is_away(
    received: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = threading.Event()
    tries: list[int] = []

    def away_once(outcomes: list[Outcome]) -> None:
        tries.append(len(outcomes))
        if len(tries) == 1:
            raise OperationalError("away")
        told.set()

    monkeypatch.setattr("jobs.consumer.finished_signals.send_task_finished", away_once)
    monkeypatch.setattr("jobs.consumer.finished_signals.RETRY_SECONDS", 0.01)
    square.enqueue(7)
    signals = FinishedSignals()
    signals.add([ended(AttemptOutcome.SUCCEEDED)])
    assert told.wait(10)
    assert signals.flush(10)
    assert tries == [1, 1]


class Sending:
    """``send_task_finished``, which fails as it is told, and a connection that is noted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.calls: list[str] = []
        self.sent = threading.Event()
        for name in ("close", "close_if_unusable_or_obsolete"):
            setattr(self, name, self._noting(name))
        place = "jobs.consumer.finished_signals"
        monkeypatch.setattr(f"{place}.send_task_finished", self._send)
        monkeypatch.setattr(f"{place}.connection", lambda: self)
        monkeypatch.setattr(f"{place}.close_old_connections", self._noting("old ones"))
        monkeypatch.setattr(f"{place}.reconnect_after", lambda error: self.calls.append("again"))
        monkeypatch.setattr(f"{place}.RETRY_SECONDS", 0.01)

    def _noting(self, name: str) -> Any:
        return lambda: self.calls.append(name)

    def _send(self, outcomes: list[Outcome]) -> None:
        self.calls.append("send")
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.sent.set()


def test_the_thread_keeps_no_connection_when_it_ends(
    received: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = Sending(monkeypatch)
    square.enqueue(7)
    signals = FinishedSignals()
    signals.add([ended(AttemptOutcome.SUCCEEDED)])
    assert signals.flush(10)
    assert sending.calls == ["old ones", "send", "close"]
    assert signals.flush(0), "there is no thread any more"


def test_an_outage_is_said_once_and_its_end(
    received: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away = OperationalError("away")
    sending = Sending(monkeypatch, away, away, None, None)
    square.enqueue(7)
    signals = FinishedSignals()
    outcome = ended(AttemptOutcome.SUCCEEDED)
    signals.add([outcome])
    assert sending.sent.wait(10)
    again = ["old ones", "send", "close_if_unusable_or_obsolete", "again"]
    sending.sent.clear()
    signals.add([outcome])
    assert sending.sent.wait(10)
    assert signals.flush(10)
    assert sending.calls == [*again, *again, "old ones", "send", "old ones", "send", "close"]
    assert [line for line in caplog.messages if "task_finished" in line] == [
        "The signal task_finished must wait: away",
        "The signal task_finished is sent again.",
    ]


def test_what_cannot_be_sent_at_all_keeps_none_of_the_others_waiting(
    received: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sending = Sending(monkeypatch, ValueError("a fault of ours"))
    square.enqueue(7)
    signals = FinishedSignals()
    outcome = ended(AttemptOutcome.SUCCEEDED)
    signals.add([outcome])
    signals.add([outcome])
    assert signals.flush(10)
    assert sending.calls.count("send") <= 2, "it is not tried again"
    assert "The signal task_finished could not be sent." in caplog.text
    assert "must wait" not in caplog.text


def test_a_process_that_ends_does_not_wait_for_the_database(
    received: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is lost then: the outcomes themselves are written."""
    sending = Sending(monkeypatch, *[OperationalError("away")] * 1000)
    monkeypatch.setattr("jobs.consumer.finished_signals.RETRY_SECONDS", 3600)
    square.enqueue(7)
    signals = FinishedSignals()
    signals.add([ended(AttemptOutcome.SUCCEEDED)])
    wait_until(lambda: "again" in sending.calls)
    assert signals.flush(10)
    assert sending.calls[-1] == "close"


def test_what_came_too_late_is_not_told(received: list[Any], monkeypatch: Any) -> None:
    sent: list[Outcome] = []
    monkeypatch.setattr("jobs.consumer.finished_signals.send_task_finished", sent.extend)
    square.enqueue(7)
    outcome = ended(AttemptOutcome.SUCCEEDED)
    signals = FinishedSignals()
    signals.add([outcome], {(outcome.claim.id, outcome.claim.attempt)})
    assert signals.flush(10)
    assert sent == []
