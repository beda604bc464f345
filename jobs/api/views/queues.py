"""``GET /queues``: how full each queue is, and who serves it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Max
from django.http import HttpRequest
from django.utils import timezone

from jobs.api.auth import Caller
from jobs.api.responses import JsonResponse
from jobs.core.db import connection
from jobs.models import Job
from jobs.queries.stats import living_consumers, queue_stats

# Read off the index of the waiting jobs alone. PostgreSQL before 18 has no MIN of a uuid; as text
# it has the same order.
_OLDEST: Final = """
SELECT queue, MIN(CAST(id AS text)) FROM jobs_job WHERE status = 'queued' GROUP BY queue
"""


@dataclass(frozen=True, slots=True)
class QueueState:
    """What a watcher wants to know of a queue."""

    name: str
    waiting: int
    scheduled: int
    running: int
    paused: bool
    oldest_waiting_seconds: float | None
    consumers: int

    def as_json(self) -> dict[str, Any]:
        """The members of the API."""
        return {name: getattr(self, name) for name in self.__slots__}


def list_queues(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Answer with every queue that is listed, served, paused or in use."""
    return JsonResponse({"items": [state.as_json() for state in queue_states(timezone.now())]})


def queue_states(now: datetime) -> list[QueueState]:
    """Return the state of every queue. Only unfinished jobs are read, from partial indexes."""
    since = _waiting_since()
    return [
        QueueState(
            name=figures.name,
            waiting=figures.waiting,
            scheduled=figures.scheduled,
            running=figures.running,
            paused=figures.paused,
            oldest_waiting_seconds=_age(since, figures.name, now),
            consumers=len(figures.consumers),
        )
        for figures in queue_stats(living_consumers(now))
    ]


def _age(since: Mapping[str, datetime], queue: str, now: datetime) -> float | None:
    if queue not in since:
        return None
    return round(max(0.0, (now - since[queue]).total_seconds()), 3)


def _waiting_since() -> dict[str, datetime]:
    """For each queue since when its oldest waiting job could have been taken."""
    with connection().cursor() as cursor:
        cursor.execute(_OLDEST)
        oldest = [uuid.UUID(row[1]) for row in cursor.fetchall()]
    rows = Job.objects.filter(pk__in=oldest).annotate(back=Max("attempts__ended_at"))
    moments = rows.values_list("queue", "created_at", "run_after", "back")
    return {queue: max(one for one in times if one is not None) for queue, *times in moments}
