"""How many jobs a consumer claims before a slot is free for them."""

from __future__ import annotations

import pytest

from jobs.consumer.batch import BatchResult
from jobs.consumer.duration_stats import FEWEST, QUICK_SECONDS, SHORT_SECONDS, DurationStats
from jobs.consumer.pending_writes import PendingWrites
from jobs.consumer.queue_polls import QueuePolls
from jobs.consumer.slots import PREFETCH, Slots
from jobs.consumer.thread_signals import ThreadSignals
from jobs.lifecycle import Claim
from tests.claims import make_claim

QUEUE = "default"
SHORT, LONG = (QUICK_SECONDS + SHORT_SECONDS) / 2, 2 * SHORT_SECONDS


def busy_slots(seconds: float, *, asked: int = 1) -> Slots:
    """One slot that is taken, after some jobs of this length and a poll that found one job."""
    durations = DurationStats()
    for _ in range(FEWEST):
        durations.add(seconds)
    signals = ThreadSignals()
    slots = Slots(1, "here:7", signals, QueuePolls([QUEUE], signals), PendingWrites(), durations)
    poll(slots, asked, [make_claim()])
    return slots


def poll(slots: Slots, asked: int, found: list[Claim]) -> None:
    batch = slots.plan()
    batch.claims = {QUEUE: asked}
    slots.done(batch, BatchResult(claims={QUEUE: found}))


@pytest.mark.parametrize(("seconds", "prefetch"), [(0.0, PREFETCH), (SHORT, 1), (LONG, 0)])
def test_the_shorter_the_jobs_the_more_are_prefetched(seconds: float, prefetch: int) -> None:
    assert busy_slots(seconds).wait_for_free(0) == prefetch


def test_without_a_backlog_a_short_job_is_left_for_an_idle_consumer() -> None:
    assert busy_slots(SHORT, asked=2).wait_for_free(0) == 0


def test_nothing_is_prefetched_once_the_backlog_is_gone() -> None:
    slots = busy_slots(SHORT)
    poll(slots, 1, [])
    assert slots.wait_for_free(0) == 0
