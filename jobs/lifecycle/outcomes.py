"""How an attempt ended, written under the attempt number it was claimed with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final

from ..retry import backoff_seconds
from ..states import CHARGED, Ending, Status
from .claims import Claim
from .sql import ADD_ATTEMPTS, ATTEMPT_ROW, FINISH, adapted, connection

ROWS_AT_ONCE: Final = 100
"""Far below what a statement may have as parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a claim.

    ``result`` is JSON data; ``final`` says that a failure is not worth another attempt; ``pause``
    are seconds that a job waits which was handed back because it cannot run here.
    """

    claim: Claim
    ending: Ending
    ended_at: datetime
    consumer: str = ""
    result: Any = None
    error_type: str = ""
    message: str = ""
    traceback: str = ""
    final: bool = False
    pause: float = 0.0

    @property
    def target(self) -> Status:
        """The status this leads to when nobody asked for a cancel."""
        if self.ending == Ending.SUCCEEDED:
            return Status.SUCCEEDED
        if self.ending == Ending.CANCELLED:
            return Status.CANCELLED
        if self.ending not in CHARGED:
            return Status.SCHEDULED if self.pause else Status.QUEUED
        spent = self.claim.failures + 1 >= self.claim.max_attempts
        return Status.FAILED if self.final or spent else Status.SCHEDULED

    @property
    def retry_at(self) -> datetime | None:
        """When the next attempt is due, None when there is none or it is due at once."""
        if self.target != Status.SCHEDULED:
            return None
        pause = self.pause or backoff_seconds(self.claim.failures + 1)
        return self.ended_at + timedelta(seconds=pause)


def finish(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Write outcomes and their attempts; return those that came too late and changed nothing.

    An outcome is too late when its job was given to someone else in the meantime. Call it inside
    a transaction: an outcome and its attempt belong together.
    """
    db = connection()
    late: list[Outcome] = []
    written: list[Outcome] = []
    with db.cursor() as cursor:
        for outcome in outcomes:
            cursor.execute(FINISH, _parameters(outcome, db))
            (written if cursor.rowcount else late).append(outcome)
        for first in range(0, len(written), ROWS_AT_ONCE):
            rows = [_attempt(outcome, db) for outcome in written[first : first + ROWS_AT_ONCE]]
            # No executemany: psycopg ends that with a flush, and PostgreSQL 15 then forgets to
            # watch for a process that falls silent in its transaction.
            statement = ADD_ATTEMPTS.format(rows=", ".join([ATTEMPT_ROW] * len(rows)))
            cursor.execute(statement, list(chain.from_iterable(rows)))
    return late


def _parameters(outcome: Outcome, db: Any) -> list[Any]:
    target = outcome.target
    succeeded = target == Status.SUCCEEDED
    ended = adapted("finished_at", outcome.ended_at, db)
    waits = target in (Status.QUEUED, Status.SCHEDULED)
    # A job that will run again shows why it waits; one that was handed back has no error.
    told = outcome.ending in CHARGED or target == Status.CANCELLED
    error_type = outcome.error_type if told else ""
    message = outcome.message if told else ""
    return [
        Status.SUCCEEDED.value if succeeded else Status.CANCELLED.value,
        target.value,
        ended,
        None if waits else ended,
        "" if succeeded else "Cancelled",
        error_type,
        not succeeded,
        message,
        adapted("result", outcome.result if succeeded else None, db),
        adapted("run_after", outcome.retry_at, db),
        int(outcome.ending in CHARGED),
        int(outcome.ending == Ending.LOST),
        adapted("id", outcome.claim.id, db),
        outcome.claim.attempt,
    ]


def _attempt(outcome: Outcome, db: Any) -> list[Any]:
    return [
        adapted("id", outcome.claim.id, db),
        outcome.claim.attempt,
        outcome.consumer,
        adapted("started_at", outcome.claim.started_at, db),
        adapted("finished_at", outcome.ended_at, db),
        outcome.ending.value,
        outcome.error_type,
        outcome.message,
        outcome.traceback,
    ]
