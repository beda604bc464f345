"""How many jobs a consumer takes before a slot is free for them."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone

from jobs.consumer.batch_writer import BatchResult
from jobs.consumer.duration_stats import FEWEST, QUICK_SECONDS, SHORT_SECONDS
from jobs.consumer.slots import PREFETCH, Slots
from jobs.lifecycle import Claim

QUEUE = "default"
SHORT, LONG = (QUICK_SECONDS + SHORT_SECONDS) / 2, 2 * SHORT_SECONDS


def claim() -> Claim:
    return Claim(
        id=uuid.uuid4(),
        task="bench.noop",
        module_path="",
        queue=QUEUE,
        args=[],
        kwargs={},
        attempt=1,
        failures=0,
        lost_count=0,
        max_attempts=1,
        timeout=None,
        owner_id=None,
        started_at=timezone.now(),
    )


def busy_desk(seconds: float, *, asked: int = 1) -> Slots:
    """A desk of one slot that is taken, after some jobs of this length."""
    desk = Slots([QUEUE], 1, "here:7")
    for _ in range(FEWEST):
        desk._pace.note(seconds)
    batch = desk.plan()
    batch.claims = {QUEUE: asked}
    desk.done(batch, BatchResult(claims={QUEUE: [claim()]}))
    return desk


@pytest.mark.parametrize(("seconds", "ahead"), [(0.0, PREFETCH), (SHORT, 1), (LONG, 0)])
def test_the_shorter_the_jobs_the_more_are_taken_ahead(seconds: float, ahead: int) -> None:
    assert busy_desk(seconds).free_slots(QUEUE, 0) == ahead


def test_without_a_backlog_a_short_job_is_left_for_who_is_idle() -> None:
    assert busy_desk(SHORT, asked=2).free_slots(QUEUE, 0) == 0


def test_a_backlog_that_is_gone_is_none() -> None:
    desk = busy_desk(SHORT)
    batch = desk.plan()
    batch.claims = {QUEUE: 1}
    desk.done(batch, BatchResult(claims={QUEUE: []}))
    assert desk.free_slots(QUEUE, 0) == 0
