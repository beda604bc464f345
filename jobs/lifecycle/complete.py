"""How an attempt ended, written under the attempt number it was claimed with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from jobs.brokers.registry import notify_after_commit
from jobs.core.backoff import backoff_seconds
from jobs.core.db import Adapter, connection, run
from jobs.core.states import COUNTED_FAILURES, WAITING, AttemptOutcome, Status

from .claim import Claim
from .sql import ADD_ATTEMPTS, ATTEMPT_ROW, FINISH, OUTCOME_ROW

AT_ONCE = 500
"""So many outcomes go into one statement; SQLite takes 32,766 values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a claim.

    ``result`` is JSON data; ``final`` says that a failure is not worth another attempt; ``pause``
    are seconds that a job waits which was handed back because it cannot run here.
    """

    claim: Claim
    ending: AttemptOutcome
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
        if self.ending == AttemptOutcome.SUCCEEDED:
            return Status.SUCCEEDED
        if self.ending == AttemptOutcome.CANCELLED:
            return Status.CANCELLED
        if self.ending not in COUNTED_FAILURES:
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


@dataclass(frozen=True, slots=True)
class PreparedOutcomes:
    """Outcomes with the values of their rows, ready to be written."""

    outcomes: list[Outcome]
    jobs: list[tuple[Any, ...]]
    attempts: list[tuple[Any, ...]]


def prepare_outcomes(outcomes: Iterable[Outcome]) -> list[PreparedOutcomes]:
    """Return outcomes as ``write_endings`` takes them.

    What can be made ready before the transaction is no work inside it: SQLite's one write lock is
    held for as long as that lasts, by a thread that waits for Python like any other.
    """
    adapt = Adapter(connection())
    waiting = list(outcomes)
    lots = [waiting[first : first + AT_ONCE] for first in range(0, len(waiting), AT_ONCE)]
    return [
        PreparedOutcomes(
            lot, [_ending(one, adapt) for one in lot], [_attempt(one, adapt) for one in lot]
        )
        for lot in lots
    ]


def finish(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Write outcomes and their attempts; return those that came too late and changed nothing.

    An outcome is too late when its job was given to someone else in the meantime. Call it inside
    a transaction: an outcome and its attempt belong together.
    """
    return write_outcomes(prepare_outcomes(outcomes))


def write_outcomes(lots: Iterable[PreparedOutcomes]) -> list[Outcome]:
    """Write what ``endings`` made ready; as ``finish``."""
    return [outcome for lot in lots for outcome in _write(lot)]


def _write(lot: PreparedOutcomes) -> list[Outcome]:
    db = connection()
    rows = ", ".join([OUTCOME_ROW[db.vendor]] * len(lot.jobs))
    found = run(db, FINISH.format(rows=rows), list(chain.from_iterable(lot.jobs)))
    # Both begin with the job and the attempt, each as the driver has it.
    done = {(job, attempt) for job, attempt in found}
    written = [values for values in lot.attempts if values[:2] in done]
    if written:
        rows = ", ".join([ATTEMPT_ROW] * len(written))
        run(db, ADD_ATTEMPTS.format(rows=rows), list(chain.from_iterable(written)))
    late = [
        one for one, values in zip(lot.outcomes, lot.jobs, strict=True) if values[:2] not in done
    ]
    again = [
        one.claim
        for one, values in zip(lot.outcomes, lot.jobs, strict=True)
        if one.target == Status.QUEUED and values[:2] in done
    ]
    notify_after_commit((claim.queue, claim.id) for claim in again)
    return late


def _ending(outcome: Outcome, adapt: Adapter) -> tuple[Any, ...]:
    target = outcome.target
    ended = adapt.time(outcome.ended_at)
    # A job that will run again shows why it waits; one that was handed back has no error.
    told = outcome.ending in COUNTED_FAILURES or target == Status.CANCELLED
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
        int(outcome.ending in COUNTED_FAILURES),
        int(outcome.ending == AttemptOutcome.LOST),
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
