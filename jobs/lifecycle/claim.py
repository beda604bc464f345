"""Taking waiting jobs: found and marked in one statement, so that no job is taken twice."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from jobs.core.db import Adapter, as_uuid, connection, run

from .sql import CLAIM, HAS_WAITING

Row: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this process may run, as the attempt it says. Times in seconds."""

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


def has_waiting(queue: str) -> bool:
    """Whether a job waits and may be taken: a read, so that an idle consumer never takes the write
    lock."""
    return bool(run(connection(), HAS_WAITING, [queue, queue]))


def claims_in_one_round_trip() -> bool:
    """Whether a claim outside a transaction is one message to the database and one back.

    There it is as cheap as to ask whether there is anything to claim: what finds nothing writes
    nothing. On SQLite it would take the write lock.
    """
    return bool(connection().vendor == "postgresql")


def claim_jobs(queue: str, limit: int, consumer: uuid.UUID, now: datetime) -> list[Claim]:
    """Take up to ``limit`` of the best waiting jobs of a queue: by priority, then by turn.

    Nothing is taken from a paused queue, nor by a consumer that was declared dead.
    """
    return to_claims(claim_rows(queue, limit, consumer, now), now)


def claim_rows(queue: str, limit: int, consumer: uuid.UUID, now: datetime) -> list[Row]:
    """Take jobs as ``claim`` does; ``as_claims`` reads the rows, after the transaction."""
    db = connection()
    lock = "FOR UPDATE SKIP LOCKED" if db.features.has_select_for_update_skip_locked else ""
    adapt = Adapter(db)
    me = adapt.uuid(consumer)
    parameters = [queue, limit, me, adapt.time(now), me, queue]
    return run(db, CLAIM.format(lock=lock), parameters)


def to_claims(rows: list[Row], now: datetime) -> list[Claim]:
    """Return what ``take`` gave, the best first."""
    # RETURNING gives rows in any order.
    best_first = sorted(rows, key=lambda row: (-row[12], row[13], str(row[0])))
    return [_claim(row, now) for row in best_first]


def _claim(row: Row, now: datetime) -> Claim:
    return Claim(
        id=as_uuid(row[0]),
        task=row[1],
        module_path=row[2],
        queue=row[3],
        args=_json(row[4]),
        kwargs=_json(row[5]),
        attempt=row[6],
        failures=row[7],
        lost_count=row[8],
        max_attempts=row[9],
        timeout=row[10],
        owner_id=row[11],
        started_at=now,
    )


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str | bytes) else value
