"""The arithmetic of the lease, in beats and not in seconds."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from jobs import lifecycle
from jobs.conf import get_conf
from jobs.consumer import consumer_lock
from jobs.consumer.failure_detector import host_name
from jobs.consumer.maintenance import BEATS_PER_LEASE, Maintenance
from jobs.consumer.slots import Slots
from jobs.models import Consumer
from tests.factories import make_consumer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]

LEFT_FOR_THE_RESCUE = 1


def watcher() -> tuple[Callable[[], None], Maintenance]:
    """A consumer's chores, and what makes it beat once."""
    me = make_consumer().pk
    made = Maintenance(Slots(["default"], 1, "here:7"), lambda: me)

    def beat() -> None:
        assert lifecycle.heartbeat(me)
        made.beaten()

    return beat, made


def is_dead(consumer: uuid.UUID) -> bool:
    return Consumer.objects.filter(pk=consumer, dead_at__isnull=False).exists()


def beats_until_dead(beat: Callable[[], None], other: uuid.UUID) -> int:
    count = 0
    while not is_dead(other):
        beat()
        count += 1
        assert count < 100
    return count


def test_who_dies_right_after_a_beat_that_was_not_yet_seen_is_dead_within_a_lease() -> None:
    beat, _ = watcher()
    other = make_consumer().pk
    beat()
    lifecycle.heartbeat(other)  # its last one, and the watcher has just looked
    assert beats_until_dead(beat, other) <= BEATS_PER_LEASE - LEFT_FOR_THE_RESCUE


def test_who_never_beat_is_dead_within_a_lease() -> None:
    beat, _ = watcher()
    other = make_consumer().pk
    assert beats_until_dead(beat, other) <= BEATS_PER_LEASE - LEFT_FOR_THE_RESCUE


def test_who_misses_two_thirds_of_its_beats_lives() -> None:
    beat, _ = watcher()
    other = make_consumer().pk
    for number in range(5 * BEATS_PER_LEASE):
        if number % (BEATS_PER_LEASE * 2 // 3 + 1) == 0:
            lifecycle.heartbeat(other)
        beat()
    assert not is_dead(other)


def test_a_lease_holds_so_many_beats_and_what_was_lost_is_looked_for_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    beat, made = watcher()
    rescued: list[float] = []
    monkeypatch.setattr(made, "_rescue_orphans", lambda: rescued.append(now[0]))
    beats = 0
    while now[0] < 1000.0 + get_conf().lease_seconds:
        pause = made()
        beats += made.beat_is_due
        made.beat_is_due = False
        now[0] += pause
    assert beats == BEATS_PER_LEASE
    other = make_consumer().pk
    made()
    rescued.clear()
    beats_until_dead(beat, other)
    made()
    assert rescued == [now[0]], "not a second later"


def test_a_free_lock_is_seen_three_times_within_three_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(consumer_lock, "is_proof_of_death", asked.append)
    _, made = watcher()
    make_consumer(host=host_name())
    while now[0] < 1003.0:
        now[0] += made()
    assert len(asked) >= 3
