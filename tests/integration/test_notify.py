"""Consumers are told of every job that comes to wait, by whatever way it came."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.brokers import registry
from jobs.core.states import AttemptOutcome, Status
from jobs.models import Consumer, Job
from tests.factories import end, make_consumer, make_job, record, take_one
from tests.testapp import tasks

pytestmark = pytest.mark.django_db(transaction=True)


class Bells:
    """A broker that notes what was announced."""

    def __init__(self, takes_messages: bool) -> None:
        self.takes_messages = takes_messages
        self.rung: list[tuple[str, uuid.UUID]] = []

    def notify(self, queue: str, job_id: uuid.UUID) -> None:
        self.rung.append((queue, job_id))


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch) -> Bells:
    made = Bells(takes_messages=True)
    monkeypatch.setattr(registry, "get_broker", lambda: made)
    return made


def _of(*jobs: Job) -> list[tuple[str, uuid.UUID]]:
    return [(job.queue, job.pk) for job in jobs]


def test_a_job_that_comes_due(bells: Bells) -> None:
    now = timezone.now()
    due = make_job(status=Status.SCHEDULED, run_after=now)
    make_job(status=Status.SCHEDULED, run_after=now + timedelta(hours=1))
    with transaction.atomic():
        lifecycle.promote_due(now)
        assert bells.rung == []
    assert bells.rung == _of(due)


def test_the_jobs_of_a_queue_that_is_opened(bells: Bells) -> None:
    later, first = record(queue="mail"), record(queue="mail", priority=1)
    record(queue="default")
    lifecycle.set_paused("mail", paused=True)
    assert bells.rung == []
    lifecycle.set_paused("mail", paused=False)
    assert bells.rung == _of(first, later)


def _handed_back() -> None:
    end(take_one(), AttemptOutcome.RELEASED)


def _rescued() -> None:
    consumer = make_consumer()
    take_one(consumer=consumer.pk)
    Consumer.objects.update(dead_at=timezone.now())
    lifecycle.rescue_jobs(consumer.pk)


def _disowned() -> None:
    consumer = make_consumer()
    take_one(consumer=consumer.pk)
    lifecycle.release_unconfirmed(consumer.pk, [])


@pytest.mark.parametrize("way", [_handed_back, _rescued, _disowned])
def test_a_job_that_goes_back_to_its_queue(bells: Bells, way: Callable[[], None]) -> None:
    job = record()
    way()
    assert bells.rung == _of(job)


@pytest.mark.parametrize("ending", [AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED])
def test_a_job_that_does_not_wait_rings_nobody(bells: Bells, ending: AttemptOutcome) -> None:
    record()
    end(take_one(), ending)
    assert bells.rung == []


def test_a_job_for_soon_is_told_so_that_its_time_is_known(bells: Bells) -> None:
    now = timezone.now()
    soon = tasks.square.using(run_after=now + timedelta(seconds=1)).enqueue(1)
    tasks.square.using(run_after=now + timedelta(seconds=60)).enqueue(1)
    assert [str(job_id) for _, job_id in bells.rung] == [soon.id]


def test_a_broker_without_messages_is_rung_once_for_a_queue(
    bells: Bells, monkeypatch: pytest.MonkeyPatch
) -> None:
    bells.takes_messages = False
    for queue in ("mail", "mail", "default"):
        make_job(status=Status.SCHEDULED, run_after=timezone.now(), queue=queue)
    lifecycle.promote_due(timezone.now())
    assert sorted(queue for queue, _ in bells.rung) == ["default", "mail"]
