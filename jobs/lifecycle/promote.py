"""Jobs that are to run later, and their place in the queue when they are due."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import datetime
from typing import Any

from django.db.models import F

from jobs.brokers.registry import notify_after_commit
from jobs.core.db import as_time, connection, run
from jobs.core.states import Status
from jobs.models import Job

from .fair_position import next_fair_position
from .sql import NEXT_DUE

CHUNK = 500


def next_due() -> datetime | None:
    """When the next scheduled job is due; None when there is none."""
    return as_time(run(connection(), NEXT_DUE, [])[0][0])


def promote_due(now: datetime) -> int:
    """Queue the scheduled jobs that are due, at most ``CHUNK``; return how many.

    All consumers are told: the one that calls may have no free slot.
    """
    due = list(
        Job.objects.filter(status=Status.SCHEDULED, run_after__lte=now)
        .only("id", "queue", "priority", "owner_id")
        .order_by("run_after", "id")[:CHUNK]
    )
    ahead: dict[tuple[Any, ...], int] = defaultdict(int)
    moved: list[tuple[str, uuid.UUID]] = []
    for job in due:
        lane = (job.queue, job.priority, job.owner_id)
        if lane not in ahead:
            ahead[lane] = next_fair_position(job)
        if Job.objects.filter(pk=job.pk, status=Status.SCHEDULED).update(
            status=Status.QUEUED, fair_position=ahead[lane], version=F("version") + 1
        ):
            moved.append((job.queue, job.pk))
        ahead[lane] += 1
    notify_after_commit(moved)
    return len(moved)
