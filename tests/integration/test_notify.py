"""Consumers are notified of every job that begins to wait, whatever made it wait."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import AttemptOutcome, Status
from jobs.core.uuid7 import uuid7
from jobs.lifecycle.insert import SOON
from jobs.models import Consumer, Job
from jobs.submission import SubmitOptions, submit_job
from tests.factories import end, make_consumer, make_job, record, take_one
from tests.integration.recording_broker import RecordingBroker, pairs
from tests.testapp import tasks

pytestmark = pytest.mark.django_db
Commit = Callable[[], AbstractContextManager[Any]]


@pytest.fixture
def commit(django_capture_on_commit_callbacks: Any) -> Commit:
    """A block that is committed at its end."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def test_a_job_that_comes_due(broker: RecordingBroker, commit: Commit) -> None:
    now = timezone.now()
    due = make_job(status=Status.SCHEDULED, run_after=now)
    make_job(status=Status.SCHEDULED, run_after=now + timedelta(hours=1))
    with commit():
        lifecycle.promote_due(now)
        assert broker.notified == []
    assert broker.notified == pairs(due)


def test_the_jobs_of_a_queue_that_is_opened(broker: RecordingBroker, commit: Commit) -> None:
    later, first = record(queue="mail"), record(queue="mail", priority=1)
    record(queue="default")
    with commit():
        lifecycle.set_paused("mail", paused=True)
    assert broker.notified == []
    with commit():
        lifecycle.set_paused("mail", paused=False)
    assert broker.notified == pairs(first, later)


def _release() -> None:
    end(take_one(), AttemptOutcome.RELEASED)


def _rescue() -> None:
    consumer = make_consumer()
    take_one(consumer=consumer.pk)
    Consumer.objects.update(dead_at=timezone.now())
    lifecycle.rescue_jobs(consumer.pk)


def _release_unconfirmed() -> None:
    consumer = make_consumer()
    take_one(consumer=consumer.pk)
    lifecycle.release_unconfirmed(consumer.pk, [])


@pytest.mark.parametrize("way", [_release, _rescue, _release_unconfirmed])
def test_a_job_that_goes_back_to_its_queue(
    broker: RecordingBroker, commit: Commit, way: Callable[[], None]
) -> None:
    job = record()
    with commit():
        way()
    assert broker.notified == pairs(job)


@pytest.mark.parametrize("ending", [AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED])
def test_a_job_that_does_not_wait_notifies_nobody(
    broker: RecordingBroker, commit: Commit, ending: AttemptOutcome
) -> None:
    record()
    with commit():
        end(take_one(), ending)
    assert broker.notified == []


def test_a_job_that_is_submitted(broker: RecordingBroker, commit: Commit) -> None:
    with commit():
        result = tasks.square.enqueue(1)
    assert [str(job_id) for _, job_id in broker.notified] == [result.id]


def test_a_job_that_a_message_brought_notifies_nobody(
    broker: RecordingBroker, commit: Commit
) -> None:
    with commit():
        submit_job("testapp.square", {"n": 1}, options=SubmitOptions(job_id=uuid7()))
    assert Job.objects.count() == 1
    assert broker.notified == []


def test_a_failed_job_that_is_to_run_again(broker: RecordingBroker, commit: Commit) -> None:
    job = make_job(status=Status.FAILED)
    with commit():
        lifecycle.requeue_job(job)
        assert broker.notified == []
    assert broker.notified == pairs(job)


def test_the_failed_jobs_that_are_to_run_again_together(
    broker: RecordingBroker, commit: Commit
) -> None:
    jobs = [make_job(status=status) for status in (Status.FAILED, Status.CANCELLED)]
    done = make_job(status=Status.SUCCEEDED)
    with commit():
        assert lifecycle.requeue_jobs([job.pk for job in (*jobs, done)]) == {job.pk for job in jobs}
        assert broker.notified == []
    assert sorted(broker.notified) == sorted(pairs(*jobs))


def test_a_job_that_is_due_soon_notifies_so_that_its_time_is_known(
    broker: RecordingBroker, commit: Commit, frozen_clock: datetime
) -> None:
    with commit():
        soon = tasks.square.using(run_after=frozen_clock + timedelta(seconds=2)).enqueue(1)
        tasks.square.using(run_after=frozen_clock + SOON).enqueue(1)
    assert [str(job_id) for _, job_id in broker.notified] == [soon.id]


def test_a_broker_without_messages_is_notified_once_for_each_queue(
    broker: RecordingBroker, commit: Commit
) -> None:
    broker.takes_messages = False
    for queue in ("mail", "mail", "default"):
        make_job(status=Status.SCHEDULED, run_after=timezone.now(), queue=queue)
    with commit():
        lifecycle.promote_due(timezone.now())
    assert sorted(queue for queue, _ in broker.notified) == ["default", "mail"]
