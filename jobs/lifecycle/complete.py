"""How an attempt ended, written under the attempt number it was claimed with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final, NamedTuple

from django.utils import timezone

from jobs.brokers.registry import notify_after_commit
from jobs.core.backoff import backoff_seconds
from jobs.core.db import Adapter, connection, run
from jobs.core.states import COUNTED_FAILURES, WAITING, AttemptOutcome, Status

from .claim import Claim
from .sql import ADD_ATTEMPTS, ATTEMPT_ROW, FINISH, OUTCOME_ROW

BATCH_SIZE: Final = 500
"""So many outcomes go into one statement; SQLite takes 32,766 values."""

_FROM_CHILD: Final = "result error_type message traceback final pause cannot_begin".split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the attempt of a claim ended.

    Attributes:
        result: JSON data.
        final: a failure that is not worth another attempt.
        pause: seconds that a released job waits, because it cannot run here now.
        cannot_begin: the code of this process does not know the task, or not with these arguments.
        consumer: host and process id, for people to read.
    """

    claim: Claim
    outcome: AttemptOutcome
    result: Any = None
    error_type: str = ""
    message: str = ""
    traceback: str = ""
    final: bool = False
    pause: float = 0.0
    cannot_begin: bool = False
    ended_at: datetime = field(default_factory=timezone.now)
    consumer: str = ""

    @property
    def target(self) -> Status:
        """The status this leads to when nobody asked for a cancel."""
        if self.outcome == AttemptOutcome.SUCCEEDED:
            return Status.SUCCEEDED
        if self.outcome == AttemptOutcome.CANCELLED:
            return Status.CANCELLED
        if self.outcome not in COUNTED_FAILURES:
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

    def to_json(self) -> dict[str, Any]:
        """Return what a child process tells its parent, as JSON data: the parent has the claim."""
        return {"outcome": self.outcome.value} | {name: getattr(self, name) for name in _FROM_CHILD}

    @classmethod
    def from_json(cls, claim: Claim, values: dict[str, Any]) -> Outcome:
        """Return the outcome that ``to_json`` described."""
        return cls(claim=claim, **values | {"outcome": AttemptOutcome(values["outcome"])})


class OutcomeRow(NamedTuple):
    """The values of a row of ``FINISH``, in the order of ``OUTCOME_ROW``, as the driver takes
    them. The last two are 1 or 0: what is added to the job's counts."""

    job: Any
    attempt: int
    status: str
    ended_at: Any
    finished_at: Any
    error_type: str
    error_message: str
    result: Any
    run_after: Any
    failures: int
    lost_count: int


class AttemptRow(NamedTuple):
    """The values of a row of ``ADD_ATTEMPTS``, in the order of ``ATTEMPT_ROW``."""

    job: Any
    attempt: int
    consumer: str
    started_at: Any
    ended_at: Any
    outcome: str
    error_type: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class PreparedOutcomes:
    """Outcomes for one statement, with the values of their rows."""

    outcomes: list[Outcome]
    rows: list[OutcomeRow]
    attempts: list[AttemptRow]


def prepare_outcomes(outcomes: Iterable[Outcome]) -> list[PreparedOutcomes]:
    """Return outcomes as ``write_outcomes`` takes them, with the values of their rows.

    This is done before the transaction, which holds SQLite's one write lock in a thread that waits
    for Python like any other.
    """
    adapt = Adapter(connection())
    waiting = list(outcomes)
    batches = [waiting[first : first + BATCH_SIZE] for first in range(0, len(waiting), BATCH_SIZE)]
    return [
        PreparedOutcomes(
            batch,
            [_outcome_row(outcome, adapt) for outcome in batch],
            [_attempt_row(outcome, adapt) for outcome in batch],
        )
        for batch in batches
    ]


def finish(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Write outcomes and their attempts; return those that came too late and changed nothing.

    An outcome is too late when its job was given to another consumer in the meantime. Call it
    inside a transaction: an outcome and its attempt belong together.
    """
    return write_outcomes(prepare_outcomes(outcomes))


def write_outcomes(batches: Iterable[PreparedOutcomes]) -> list[Outcome]:
    """Write what ``prepare_outcomes`` returned; otherwise as ``finish``."""
    return [outcome for batch in batches for outcome in _write(batch)]


def _write(batch: PreparedOutcomes) -> list[Outcome]:
    db = connection()
    rows = ", ".join([OUTCOME_ROW[db.vendor]] * len(batch.rows))
    found = run(db, FINISH.format(rows=rows), list(chain.from_iterable(batch.rows)))
    # The job's key is in the driver's own type here and there.
    written = {(job, attempt) for job, attempt in found}
    attempts = [row for row in batch.attempts if (row.job, row.attempt) in written]
    if attempts:
        rows = ", ".join([ATTEMPT_ROW] * len(attempts))
        run(db, ADD_ATTEMPTS.format(rows=rows), list(chain.from_iterable(attempts)))
    late, requeued = [], []
    for outcome, row in zip(batch.outcomes, batch.rows, strict=True):
        if (row.job, row.attempt) not in written:
            late.append(outcome)
        elif outcome.target == Status.QUEUED:
            requeued.append(outcome.claim)
    notify_after_commit((claim.queue, claim.id) for claim in requeued)
    return late


def _outcome_row(outcome: Outcome, adapt: Adapter) -> OutcomeRow:
    target = outcome.target
    ended_at = adapt.time(outcome.ended_at)
    # A job that will run again shows why it waits; one that was released has no error.
    shows_error = outcome.outcome in COUNTED_FAILURES or target == Status.CANCELLED
    return OutcomeRow(
        job=adapt.uuid(outcome.claim.id),
        attempt=outcome.claim.attempt,
        status=target.value,
        ended_at=ended_at,
        finished_at=None if target in WAITING else ended_at,
        error_type=outcome.error_type if shows_error else "",
        error_message=outcome.message if shows_error else "",
        result=adapt.json(outcome.result if target == Status.SUCCEEDED else None),
        run_after=adapt.time(outcome.retry_at),
        failures=int(outcome.outcome in COUNTED_FAILURES),
        lost_count=int(outcome.outcome == AttemptOutcome.LOST),
    )


def _attempt_row(outcome: Outcome, adapt: Adapter) -> AttemptRow:
    return AttemptRow(
        job=adapt.uuid(outcome.claim.id),
        attempt=outcome.claim.attempt,
        consumer=outcome.consumer,
        started_at=adapt.time(outcome.claim.started_at),
        ended_at=adapt.time(outcome.ended_at),
        outcome=outcome.outcome.value,
        error_type=outcome.error_type,
        message=outcome.message,
        traceback=outcome.traceback,
    )
