"""Consumers come, beat and go; queues are paused and opened."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.utils import timezone

from jobs.core.db import Adapter, as_uuid, connection, run
from jobs.models import Consumer

from .sql import HEARTBEAT, LIVING_ON_HOST, OTHER_HEARTBEATS


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


def living_on_host(host: str) -> list[uuid.UUID]:
    """The consumers of a host that nobody has declared dead."""
    return [as_uuid(row[0]) for row in run(connection(), LIVING_ON_HOST, [host])]


def heartbeat(consumer: uuid.UUID) -> bool:
    """Commit one beat. False: this consumer was declared dead and must come back as another."""
    db = connection()
    adapt = Adapter(db)
    return bool(run(db, HEARTBEAT, [adapt.time(timezone.now()), adapt.uuid(consumer)]))


def other_heartbeats(consumer: uuid.UUID) -> dict[uuid.UUID, int]:
    """The beats of all living consumers but this one."""
    db = connection()
    return {
        as_uuid(key): heartbeat
        for key, heartbeat in run(db, OTHER_HEARTBEATS, [Adapter(db).uuid(consumer)])
    }


def mark_dead(consumer: uuid.UUID, beat_seen: int | None = None) -> bool:
    """Declare a consumer dead, by compare-and-set on the beat last seen.

    Without ``beat_seen`` there must be other proof (its file lock was free). Returns whether this
    call did it.
    """
    rows = Consumer.objects.filter(pk=consumer, dead_at=None)
    if beat_seen is not None:
        rows = rows.filter(heartbeat=beat_seen)
    return bool(rows.update(dead_at=timezone.now()))


def deregister(consumer: uuid.UUID) -> None:
    """Forget a consumer that has drained."""
    Consumer.objects.filter(pk=consumer).delete()
