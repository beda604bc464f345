"""Consumers come, beat and go; queues are paused and opened."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Final

from django.utils import timezone

from ..models import Consumer, Job, Queue
from ..states import Status
from .adapting import Adapter
from .claims import as_uuid
from .ringing import ring_after_commit
from .sql import BEAT, BEATS, LIVING_ON, connection, run

MOST_RUNG: Final = 500
"""As many jobs of a queue that is opened again are announced: more than consumers have slots."""


def register(
    host: str,
    pid: int,
    queues: Collection[str],
    concurrency: int,
    consumer: uuid.UUID | None = None,
) -> uuid.UUID:
    """Note a consumer process, under this id or a new one; return the id."""
    row = Consumer(host=host, pid=pid, queues=sorted(queues), concurrency=concurrency)
    row.id = consumer or row.id
    row.save(force_insert=True)
    return row.id


def living_on(host: str) -> list[uuid.UUID]:
    """The consumers of a host that nobody has declared dead."""
    return [as_uuid(row[0]) for row in run(connection(), LIVING_ON, [host])]


def beat(consumer: uuid.UUID) -> bool:
    """Commit one beat. False: this consumer was declared dead and must come back as another."""
    db = connection()
    adapt = Adapter(db)
    return bool(run(db, BEAT, [adapt.time(timezone.now()), adapt.uuid(consumer)]))


def beats_beside(consumer: uuid.UUID) -> dict[uuid.UUID, int]:
    """The beats of all living consumers but this one."""
    db = connection()
    return {as_uuid(key): beat for key, beat in run(db, BEATS, [Adapter(db).uuid(consumer)])}


def bury(consumer: uuid.UUID, beat_seen: int | None = None) -> bool:
    """Declare a consumer dead, by compare-and-set on the beat last seen.

    Without ``beat_seen`` there must be other proof (its file lock was free). Returns whether this
    call did it.
    """
    rows = Consumer.objects.filter(pk=consumer, dead_at=None)
    if beat_seen is not None:
        rows = rows.filter(beat=beat_seen)
    return bool(rows.update(dead_at=timezone.now()))


def leave(consumer: uuid.UUID) -> None:
    """Forget a consumer that has drained."""
    Consumer.objects.filter(pk=consumer).delete()


def set_paused(queue: str, paused: bool) -> None:
    """Pause a queue (nothing more is taken from it) or open it again, and say so to consumers."""
    Queue.objects.update_or_create(name=queue, defaults={"paused": paused})
    if not paused:
        waiting = Job.objects.filter(status=Status.QUEUED, queue=queue)
        in_line = waiting.order_by("-priority", "turn", "id").values_list("queue", "id")
        ring_after_commit(in_line[:MOST_RUNG])


def open_places(queues: Collection[str]) -> set[str]:
    """Those of the queues that are not paused."""
    paused = Queue.objects.filter(paused=True).values_list("name", flat=True)
    return set(queues) - set(paused)
