"""Writing how attempts ended, under the attempt numbers they were claimed with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.brokers.registry import notify_after_commit
from jobs.core.db import Adapter, connection, run, run_together
from jobs.core.states import COUNTED_FAILURES, WAITING, AttemptOutcome, Status

from .counters import add_counts, tally
from .feed_position import FEED_POSITION
from .outcome import Outcome
from .sql import ADD_ATTEMPTS, ATTEMPT_ROW, FINISH, OUTCOME_ROW

BATCH_SIZE: Final = 500
"""So many outcomes go into one statement; SQLite takes 32,766 values."""


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
    """Outcomes for one statement, with the values of their rows.

    ``expected`` has the status to which each attempt leads its job, ``counting`` the statement that
    counts them all so, with its parameters.
    """

    outcomes: list[Outcome]
    rows: list[OutcomeRow]
    attempts: list[AttemptRow]
    expected: dict[tuple[Any, int], str]
    counting: tuple[str, list[Any]]


def prepare_outcomes(outcomes: Iterable[Outcome]) -> list[PreparedOutcomes]:
    """Return outcomes as ``write_outcomes`` takes them, with the values of their rows.

    Call it before the transaction: that holds SQLite's one write lock for as long as it lasts, in a
    thread that waits for Python's own lock like any other.
    """
    db = connection()
    adapt = Adapter(db)
    waiting = list(outcomes)
    batches = [waiting[first : first + BATCH_SIZE] for first in range(0, len(waiting), BATCH_SIZE)]
    return [_prepare(batch, db, adapt) for batch in batches]


def _prepare(batch: list[Outcome], db: BaseDatabaseWrapper, adapt: Adapter) -> PreparedOutcomes:
    rows = [_outcome_row(outcome, adapt) for outcome in batch]
    return PreparedOutcomes(
        batch,
        rows,
        [_attempt_row(outcome, adapt) for outcome in batch],
        {(row.job, row.attempt): row.status for row in rows},
        add_counts(
            adapt,
            tally(db, zip(batch, (row.status for row in rows), strict=True)),
            batch[-1].ended_at,
        ),
    )


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
    statement = FINISH.format(rows=rows, position=FEED_POSITION[db.vendor])
    found = run(db, statement, list(chain.from_iterable(batch.rows)))
    # Keys of jobs are in the driver's own type, in what is returned and in the rows.
    written = {(job, attempt): status for job, attempt, status in found}
    attempts = [row for row in batch.attempts if (row.job, row.attempt) in written]
    if attempts:
        rows = ", ".join([ATTEMPT_ROW] * len(attempts))
        added = (ADD_ATTEMPTS.format(rows=rows), list(chain.from_iterable(attempts)))
        run_together(db, [added, _counting(db, batch, written)])
    late, requeued = [], []
    for outcome, row in zip(batch.outcomes, batch.rows, strict=True):
        if (row.job, row.attempt) not in written:
            late.append(outcome)
        elif outcome.target == Status.QUEUED:
            requeued.append(outcome.claim)
    notify_after_commit((claim.queue, claim.id) for claim in requeued)
    return late


def _counting(
    db: BaseDatabaseWrapper, batch: PreparedOutcomes, written: Mapping[tuple[Any, int], str]
) -> tuple[str, list[Any]]:
    """The statement that counts what was written: not what came too late, and cancels as such."""
    if written == batch.expected:
        return batch.counting
    ended = zip(batch.outcomes, batch.expected, strict=True)
    counted = tally(db, ((outcome, written[key]) for outcome, key in ended if key in written))
    return add_counts(Adapter(db), counted, batch.outcomes[-1].ended_at)


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
