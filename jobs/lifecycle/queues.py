"""Consumers come, beat and go; queues are paused and opened."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from jobs.brokers.registry import notify_after_commit
from jobs.core.states import Status
from jobs.models import Job, Queue

MOST_NOTIFIED: Final = 500
"""As many jobs of a queue that is opened again are announced: more than consumers have slots."""


def set_paused(queue: str, paused: bool) -> None:
    """Pause a queue (nothing more is taken from it) or open it again, and say so to consumers."""
    Queue.objects.update_or_create(name=queue, defaults={"paused": paused})
    if not paused:
        waiting = Job.objects.filter(status=Status.QUEUED, queue=queue)
        in_line = waiting.order_by("-priority", "fair_position", "id").values_list("queue", "id")
        notify_after_commit(in_line[:MOST_NOTIFIED])


def unpaused(queues: Collection[str]) -> set[str]:
    """Those of the queues that are not paused."""
    paused = Queue.objects.filter(paused=True).values_list("name", flat=True)
    return set(queues) - set(paused)
