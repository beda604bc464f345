"""Move scheduled jobs into their queue when they are due."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet

from jobs.brokers.registry import notify_after_commit
from jobs.core.db import as_time, connection, run
from jobs.core.states import Status
from jobs.models import Job

from .fair_position import next_fair_position
from .sql import NEXT_DUE

CHUNK = 500


def next_due() -> datetime | None:
    """Return when the next scheduled job is due; None when there is none."""
    [(run_after,)] = run(connection(), NEXT_DUE, [])
    return as_time(run_after)


def promote_due(now: datetime) -> int:
    """Queue the scheduled jobs that are due, at most ``CHUNK``; return how many.

    All consumers are notified: the one that calls this may have no free slot.
    """
    return promote_jobs(Job.objects.filter(run_after__lte=now))


def promote_jobs(jobs: QuerySet[Job]) -> int:
    """Queue those of the jobs that are scheduled, whether due or not; as ``promote_due``."""
    due = list(
        jobs.filter(status=Status.SCHEDULED)
        .only("id", "queue", "priority", "owner_id")
        .order_by("run_after", "id")[:CHUNK]
    )
    positions: dict[tuple[Any, ...], int] = {}
    promoted: list[tuple[str, uuid.UUID]] = []
    for job in due:
        lane = (job.queue, job.priority, job.owner_id)
        if lane not in positions:
            positions[lane] = next_fair_position(job)
        if Job.objects.filter(pk=job.pk, status=Status.SCHEDULED).update(
            status=Status.QUEUED, fair_position=positions[lane], version=F("version") + 1
        ):
            promoted.append((job.queue, job.pk))
        positions[lane] += 1
    notify_after_commit(promoted)
    return len(promoted)
