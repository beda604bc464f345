"""The arithmetic of the lease, in heartbeats and not in seconds."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from jobs import lifecycle
from jobs.conf import get_conf
from jobs.consumer import consumer_lock
from jobs.consumer.duration_stats import DurationStats
from jobs.consumer.finished_signals import finished_signals
from jobs.consumer.maintenance import HEARTBEATS_PER_LEASE, Maintenance
from jobs.consumer.pending_writes import PendingWrites
from jobs.consumer.queue_polls import QueuePolls
from jobs.consumer.registration import Registration, host_name
from jobs.consumer.slots import Slots
from jobs.consumer.task_process.pool import TaskProcessPool
from jobs.consumer.thread_signals import ThreadSignals
from jobs.models import Consumer, ConsumerRequest
from tests.factories import make_consumer, make_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]

ENOUGH_HEARTBEATS = HEARTBEATS_PER_LEASE - 1
"""One is left for the rescue."""


def watcher() -> tuple[Callable[[], None], Maintenance]:
    """A consumer's maintenance, and what makes the consumer write a heartbeat."""
    me = Registration(["default"], 1)
    signals = ThreadSignals()
    polls = QueuePolls(["default"], signals)
    slots = Slots(1, me.label, signals, polls, PendingWrites(), DurationStats())
    maintenance = Maintenance(me, slots, polls, TaskProcessPool())

    def write_heartbeat() -> None:
        assert lifecycle.heartbeat(me.id)
        maintenance.heartbeat_written(alive=True)

    return write_heartbeat, maintenance


def is_dead(consumer: uuid.UUID) -> bool:
    return Consumer.objects.filter(pk=consumer, dead_at__isnull=False).exists()


def heartbeats_until_dead(write_heartbeat: Callable[[], None], other: uuid.UUID) -> int:
    count = 0
    while not is_dead(other):
        write_heartbeat()
        count += 1
        assert count < 100
    return count


def test_a_consumer_that_dies_after_a_heartbeat_not_yet_seen_is_dead_within_a_lease() -> None:
    write_heartbeat, _ = watcher()
    other = make_consumer().pk
    write_heartbeat()
    lifecycle.heartbeat(other)  # its last one, and the watcher has just looked
    assert heartbeats_until_dead(write_heartbeat, other) <= ENOUGH_HEARTBEATS


def test_a_consumer_without_any_heartbeat_is_dead_within_a_lease() -> None:
    write_heartbeat, _ = watcher()
    other = make_consumer().pk
    assert heartbeats_until_dead(write_heartbeat, other) <= ENOUGH_HEARTBEATS


def test_a_consumer_that_misses_two_thirds_of_its_heartbeats_lives() -> None:
    write_heartbeat, _ = watcher()
    other = make_consumer().pk
    for number in range(5 * HEARTBEATS_PER_LEASE):
        if number % (HEARTBEATS_PER_LEASE * 2 // 3 + 1) == 0:
            lifecycle.heartbeat(other)
        write_heartbeat()
    assert not is_dead(other)


def test_a_lease_holds_ten_heartbeats_and_the_jobs_of_a_silent_consumer_are_rescued_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    write_heartbeat, maintenance = watcher()
    rescued: list[float] = []
    monkeypatch.setattr(maintenance, "_rescue_orphans", lambda: rescued.append(now[0]))
    heartbeats = 0
    while now[0] < 1000.0 + get_conf().lease_seconds:
        pause = maintenance.run_due()
        heartbeats += maintenance.heartbeat_is_due
        maintenance.heartbeat_is_due = False
        now[0] += pause
    assert heartbeats == HEARTBEATS_PER_LEASE
    other = make_consumer().pk
    maintenance.run_due()
    rescued.clear()
    heartbeats_until_dead(write_heartbeat, other)
    maintenance.run_due()
    assert rescued == [now[0]], "not a second later"


def test_a_free_lock_is_seen_three_times_within_three_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(consumer_lock, "is_proof_of_death", asked.append)
    _, maintenance = watcher()
    make_consumer(host=host_name())
    while now[0] < 1003.0:
        now[0] += maintenance.run_due()
    assert len(asked) >= 3


def test_rescued_jobs_are_looked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _, maintenance = watcher()
    asked: list[str] = []
    monkeypatch.setattr(maintenance._polls, "request_poll", lambda: asked.append("poll"))
    maintenance._rescue_orphans()
    assert asked == [], "nobody is dead"
    told: list[object] = []
    monkeypatch.setattr(finished_signals, "add", told.append)
    job = make_job(status="running", consumer_id=make_consumer(dead_at=timezone.now()).pk)
    maintenance._rescue_orphans()
    assert asked == ["poll"]
    assert len(told) == 1, "one that failed by it has receivers of task_finished"
    job.refresh_from_db()
    assert (job.status, job.lost_count) == ("queued", 1)


def test_a_heartbeat_brings_what_an_operator_asks() -> None:
    _, maintenance = watcher()
    for requested in (ConsumerRequest.QUIET, ConsumerRequest.NONE):
        maintenance.heartbeat_is_due = True
        maintenance.heartbeat_written(alive=True, requested=requested)
        assert maintenance._registration.requested is requested
        assert maintenance._slots.quiet is (requested is ConsumerRequest.QUIET)
        assert not maintenance.heartbeat_is_due
