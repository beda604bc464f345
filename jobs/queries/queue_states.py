"""How full each queue is, as JSON: for the API, for ``/metrics`` and for the commands."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypedDict

from django.db.models import Max

from jobs.core.db import connection
from jobs.models import Job

from .stats import queue_stats, serving_consumers

# Reads the index of the waiting jobs alone. PostgreSQL before 18 has no MIN of a uuid; its text
# has the same order.
_OLDEST: Final = """
SELECT queue, MIN(CAST(id AS text)) FROM jobs_job WHERE status = 'queued' GROUP BY queue
"""


class QueueState(TypedDict):
    """How full a queue is; ``jobs.api.schemas.Queue`` describes the members."""

    name: str
    waiting: int
    scheduled: int
    running: int
    paused: bool
    oldest_waiting_seconds: float | None
    consumers: int


def queue_states(now: datetime) -> list[QueueState]:
    """Return the state of every queue. Only unfinished jobs are read, from partial indexes."""
    since = _waiting_since()
    return [
        {
            "name": stats.name,
            "waiting": stats.waiting,
            "scheduled": stats.scheduled,
            "running": stats.running,
            "paused": stats.paused,
            "oldest_waiting_seconds": _age(since, stats.name, now),
            "consumers": len(stats.consumers),
        }
        for stats in queue_stats(serving_consumers(now))
    ]


def _age(since: Mapping[str, datetime], queue: str, now: datetime) -> float | None:
    if queue not in since:
        return None
    return round(max(0.0, (now - since[queue]).total_seconds()), 3)


def _waiting_since() -> dict[str, datetime]:
    """For each queue, since when its oldest waiting job could have been taken."""
    with connection().cursor() as cursor:
        cursor.execute(_OLDEST)
        oldest = [uuid.UUID(row[1]) for row in cursor.fetchall()]
    rows = Job.objects.filter(pk__in=oldest).annotate(requeued_at=Max("attempts__ended_at"))
    times = rows.values_list("queue", "created_at", "run_after", "requeued_at")
    return {queue: max(one for one in some if one is not None) for queue, *some in times}
