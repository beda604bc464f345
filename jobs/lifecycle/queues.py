"""Pause and resume queues."""

from __future__ import annotations

from typing import Final

from jobs.brokers.registry import notify_after_commit
from jobs.core.distinct import distinct
from jobs.models import Job, Queue

MOST_NOTIFIED: Final = 500
"""The most jobs of a resumed queue that consumers are notified of: more than they have slots."""


def set_paused(queue: str, paused: bool) -> None:
    """Pause a queue, so that nothing is claimed from it, or resume it and notify consumers."""
    Queue.objects.update_or_create(name=queue, defaults={"paused": paused})
    if not paused:
        waiting = Job.objects.waiting_in(queue).values_list("queue", "id")
        notify_after_commit(waiting[:MOST_NOTIFIED])


def waiting_queues() -> set[str]:
    """Return the queues in which jobs wait, whatever ``TASKS`` lists; 200 at most."""
    return distinct("queue", "status = 'queued'")
