"""Consumers come, beat and go; queues are paused and opened."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from jobs.brokers.registry import notify_after_commit
from jobs.models import Job, Queue

MOST_NOTIFIED: Final = 500
"""As many jobs of a queue that is opened again are announced: more than consumers have slots."""


def set_paused(queue: str, paused: bool) -> None:
    """Pause a queue (nothing more is taken from it) or open it again, and say so to consumers."""
    Queue.objects.update_or_create(name=queue, defaults={"paused": paused})
    if not paused:
        waiting = Job.objects.waiting_in(queue).values_list("queue", "id")
        notify_after_commit(waiting[:MOST_NOTIFIED])


def unpaused(queues: Collection[str]) -> set[str]:
    """Those of the queues that are not paused."""
    paused = Queue.objects.filter(paused=True).values_list("name", flat=True)
    return set(queues) - set(paused)
