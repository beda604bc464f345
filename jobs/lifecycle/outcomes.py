"""How an attempt ended, written under the attempt number it was claimed with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..retry import backoff_seconds
from ..states import CHARGED, WAITING, Ending, Status
from .adapting import Adapter
from .claims import Claim, as_uuid
from .ringing import ring_after_commit
from .sql import ADD_ATTEMPTS, ATTEMPT, ENDING, FINISH, connection, run

AT_ONCE = 500
"""So many outcomes go into one statement; SQLite takes 32,766 values."""


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
    waiting = list(outcomes)
    late: list[Outcome] = []
    while waiting:
        late += _finish(waiting[:AT_ONCE])
        del waiting[:AT_ONCE]
    return late


def _finish(outcomes: list[Outcome]) -> list[Outcome]:
    db = connection()
    adapt = Adapter(db)
    rows = ", ".join([ENDING[db.vendor]] * len(outcomes))
    endings = [value for one in outcomes for value in _ending(one, adapt)]
    done = {(as_uuid(job), attempt) for job, attempt in run(db, FINISH.format(rows=rows), endings)}
    written = [one for one in outcomes if (one.claim.id, one.claim.attempt) in done]
    if written:
        rows = ", ".join([ATTEMPT] * len(written))
        values = [value for one in written for value in _attempt(one, adapt)]
        run(db, ADD_ATTEMPTS.format(rows=rows), values)
    again = [one.claim for one in written if one.target == Status.QUEUED]
    ring_after_commit((claim.queue, claim.id) for claim in again)
    return [one for one in outcomes if (one.claim.id, one.claim.attempt) not in done]


def _ending(outcome: Outcome, adapt: Adapter) -> tuple[Any, ...]:
    target = outcome.target
    ended = adapt.time(outcome.ended_at)
    # A job that will run again shows why it waits; one that was handed back has no error.
    told = outcome.ending in CHARGED or target == Status.CANCELLED
    return (
        adapt.uuid(outcome.claim.id),
        outcome.claim.attempt,
        target.value,
        ended,
        None if target in WAITING else ended,
        outcome.error_type if told else "",
        outcome.message if told else "",
        adapt.json(outcome.result if target == Status.SUCCEEDED else None),
        adapt.time(outcome.retry_at),
        int(outcome.ending in CHARGED),
        int(outcome.ending == Ending.LOST),
    )


def _attempt(outcome: Outcome, adapt: Adapter) -> tuple[Any, ...]:
    return (
        adapt.uuid(outcome.claim.id),
        outcome.claim.attempt,
        outcome.consumer,
        adapt.time(outcome.claim.started_at),
        adapt.time(outcome.ended_at),
        outcome.ending.value,
        outcome.error_type,
        outcome.message,
        outcome.traceback,
    )
