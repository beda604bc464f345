"""Jobs that are to run later, and their place in the queue when they are due."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import datetime
from typing import Any

from django.db.models import F

from ..models import Job
from ..states import Status
from .adapting import Adapter, as_time
from .ringing import ring_after_commit
from .sql import NEXT_DUE, connection, next_turn, run

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
            ahead[lane] = turn_of(job)
        if Job.objects.filter(pk=job.pk, status=Status.SCHEDULED).update(
            status=Status.QUEUED, turn=ahead[lane], version=F("version") + 1
        ):
            moved.append((job.queue, job.pk))
        ahead[lane] += 1
    ring_after_commit(moved)
    return len(moved)


def turn_of(job: Job) -> int:
    """The turn that a job would get if it were queued now."""
    db = connection()
    statement = f"SELECT {next_turn(job, db.vendor)}"
    return int(run(db, statement, Adapter(db).turn(job))[0][0])
