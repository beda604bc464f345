"""The rows of consumers: registration, heartbeats, and marking a consumer as dead."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.utils import timezone

from jobs.core.db import Adapter, as_uuid, connection, run
from jobs.models import Consumer, ConsumerRequest

from .sql import HEARTBEAT, LIVING_ON_HOST, OTHER_HEARTBEATS


def register(
    host: str,
    pid: int,
    queues: Collection[str],
    concurrency: int,
    consumer: uuid.UUID | None = None,
) -> uuid.UUID:
    """Insert the row of a consumer process, with the given id or a new one; return the id."""
    row = Consumer(host=host, pid=pid, queues=sorted(queues), concurrency=concurrency)
    row.id = consumer or row.id
    row.save(force_insert=True)
    return row.id


def serve_queues(consumer: uuid.UUID, queues: Collection[str]) -> None:
    """Record that a consumer serves these queues from now on."""
    Consumer.objects.filter(pk=consumer).update(queues=sorted(queues))


def living_on_host(host: str) -> list[uuid.UUID]:
    """Return the consumers of a host that are not marked dead."""
    return [as_uuid(key) for (key,) in run(connection(), LIVING_ON_HOST, [host])]


def count_living() -> int:
    """Return the number of consumers that are not marked dead."""
    return Consumer.objects.filter(dead_at=None).count()


def heartbeat(consumer: uuid.UUID) -> ConsumerRequest | None:
    """Commit one heartbeat; return what is asked of this consumer, None if it was marked dead.

    It must then register again, with another id.
    """
    db = connection()
    adapt = Adapter(db)
    rows = run(db, HEARTBEAT, [adapt.time(timezone.now()), adapt.uuid(consumer)])
    return ConsumerRequest(rows[0][0]) if rows else None


def request(consumers: Collection[uuid.UUID], requested: ConsumerRequest) -> int:
    """Ask consumers to be quiet, to stop, or (NONE) to take jobs again.

    They read it with their next heartbeat. Returns how many of them were not marked dead.
    """
    rows = Consumer.objects.filter(pk__in=consumers, dead_at=None)
    return rows.update(requested=requested.value)


def other_heartbeats(consumer: uuid.UUID) -> dict[uuid.UUID, int]:
    """Return the number of heartbeats of every living consumer except this one, by id."""
    db = connection()
    return {
        as_uuid(key): count
        for key, count in run(db, OTHER_HEARTBEATS, [Adapter(db).uuid(consumer)])
    }


def mark_dead(consumer: uuid.UUID, heartbeat_seen: int | None = None) -> bool:
    """Mark a consumer dead, by compare-and-set on the heartbeat last seen.

    Without ``heartbeat_seen`` the caller must have other proof (its file lock was free). Returns
    whether this call marked it; otherwise another did, or it has sent a heartbeat since.
    """
    rows = Consumer.objects.filter(pk=consumer, dead_at=None)
    if heartbeat_seen is not None:
        rows = rows.filter(heartbeat=heartbeat_seen)
    return bool(rows.update(dead_at=timezone.now()))


def deregister(consumer: uuid.UUID) -> None:
    """Delete the row of a consumer that has finished all its jobs and stops."""
    Consumer.objects.filter(pk=consumer).delete()
