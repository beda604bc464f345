"""Claiming waiting jobs: found and marked in one statement, so that no job is claimed twice."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple

from jobs.core.db import Adapter, as_uuid, connection, run

from .sql import CLAIM, HAS_WAITING


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this process may run, and the number of the attempt. Times in seconds."""

    id: uuid.UUID
    task: str
    module_path: str
    queue: str
    args: list[Any]
    kwargs: dict[str, Any]
    attempt: int
    failures: int
    lost_count: int
    max_attempts: int
    timeout: float | None
    owner_id: Any
    started_at: datetime
    priority: int = 0
    # As the driver returns them (``as_time``): few tasks look at them.
    created_at: datetime | str | None = None
    run_after: datetime | str | None = None
    traceparent: str | None = None
    request_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data, for a child process. That needs no owner, whose key may be of
        any type."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {
            "id": str(self.id),
            "started_at": self.started_at.isoformat(),
            "created_at": _text(self.created_at),
            "run_after": _text(self.run_after),
            "owner_id": None,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Claim:
        """Return the claim that ``to_json`` described."""
        started_at = datetime.fromisoformat(values["started_at"])
        return cls(**values | {"id": uuid.UUID(values["id"]), "started_at": started_at})


class ClaimedRow(NamedTuple):
    """A row of the statement ``CLAIM``, in the order of its RETURNING.

    The driver's own types: SQLite has text where PostgreSQL has a UUID, and psycopg decodes JSON.
    """

    id: Any
    task: str
    module_path: str
    queue: str
    args: Any
    kwargs: Any
    attempt: int
    failures: int
    lost_count: int
    max_attempts: int
    timeout: float | None
    owner_id: Any
    priority: int
    fair_position: int
    created_at: Any
    run_after: Any
    traceparent: str | None
    request_id: str | None


def has_waiting(queue: str) -> bool:
    """Whether a job waits and may be claimed: a read, so that an idle consumer never takes the
    write lock."""
    return bool(run(connection(), HAS_WAITING, [queue, queue]))


def claims_in_one_round_trip() -> bool:
    """Whether a claim outside a transaction is one message to the database and one back.

    Then it costs no more than to ask whether there is anything to claim, because a claim that finds
    nothing writes nothing. On SQLite it would take the write lock.
    """
    return bool(connection().vendor == "postgresql")


def claim_jobs(queue: str, limit: int, consumer: uuid.UUID, now: datetime) -> list[Claim]:
    """Claim up to ``limit`` waiting jobs of a queue, by priority and then by fair position.

    Nothing is claimed from a paused queue, nor by a consumer that was declared dead.
    """
    return to_claims(claim_rows(queue, limit, consumer, now), now)


def claim_rows(queue: str, limit: int, consumer: uuid.UUID, now: datetime) -> list[tuple[Any, ...]]:
    """Claim jobs as ``claim_jobs`` does, and return the rows as the driver gives them.

    ``to_claims`` reads them after the transaction, which holds SQLite's write lock.
    """
    db = connection()
    lock = "FOR UPDATE SKIP LOCKED" if db.features.has_select_for_update_skip_locked else ""
    adapt = Adapter(db)
    key = adapt.uuid(consumer)
    # The queue and the limit of the jobs to pick; the consumer and the time that are written; the
    # consumer that must live; the queue that must not be paused.
    parameters = [queue, limit, key, adapt.time(now), key, queue]
    return run(db, CLAIM.format(lock=lock), parameters)


def to_claims(rows: list[tuple[Any, ...]], now: datetime) -> list[Claim]:
    """Return the claims of rows from ``claim_rows``, the best first."""
    # RETURNING gives rows in any order.
    claimed = sorted(
        map(ClaimedRow._make, rows),
        key=lambda row: (-row.priority, row.fair_position, str(row.id)),
    )
    return [_claim(row, now) for row in claimed]


def _claim(row: ClaimedRow, now: datetime) -> Claim:
    return Claim(
        id=as_uuid(row.id),
        task=row.task,
        module_path=row.module_path,
        queue=row.queue,
        args=_decoded(row.args),
        kwargs=_decoded(row.kwargs),
        attempt=row.attempt,
        failures=row.failures,
        lost_count=row.lost_count,
        max_attempts=row.max_attempts,
        timeout=row.timeout,
        owner_id=row.owner_id,
        started_at=now,
        priority=row.priority,
        created_at=row.created_at,
        run_after=row.run_after,
        traceparent=row.traceparent,
        request_id=row.request_id,
    )


def _text(time: datetime | str | None) -> str | None:
    return time.isoformat() if isinstance(time, datetime) else time


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str | bytes) else value
