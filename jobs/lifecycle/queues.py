"""Pause and resume queues."""

from __future__ import annotations

from typing import Final

from jobs.brokers.registry import notify_after_commit
from jobs.core.states import Status
from jobs.models import Job, Queue

MOST_NOTIFIED: Final = 500
"""The most jobs of a resumed queue that consumers are notified of: more than they have slots."""


def set_paused(queue: str, paused: bool) -> None:
    """Pause a queue, so that nothing is claimed from it, or resume it and notify consumers."""
    Queue.objects.update_or_create(name=queue, defaults={"paused": paused})
    if not paused:
        queued = Job.objects.filter(status=Status.QUEUED, queue=queue)
        best_first = queued.order_by("-priority", "fair_position", "id").values_list("queue", "id")
        notify_after_commit(best_first[:MOST_NOTIFIED])
