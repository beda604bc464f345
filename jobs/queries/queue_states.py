"""How full each queue is, as JSON: for the API, for ``/metrics`` and for the commands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from .oldest_waiting import waiting_since
from .stats import queue_stats, serving_consumers


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
    since = waiting_since()
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
