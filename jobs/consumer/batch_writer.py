"""The one writer of a consumer process.

Claims, outcomes, words and beats share transactions: under load one commit serves dozens of jobs,
idle nothing waits. When the database is away, all that was to be written is kept and tried again,
and nothing new is taken meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import DatabaseError, OperationalError
from django.db.utils import InterfaceError, InternalError
from django.utils import timezone

from jobs import lifecycle
from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.core.states import AttemptOutcome
from jobs.core.storage import delete_files
from jobs.lifecycle import AttemptUpdate, Claim, Outcome, StoredArtifact

logger = logging.getLogger("jobs.writer")

PACE_SECONDS = 0.005
"""At least this long between a busy process's transactions: a commit then serves many jobs."""
RETRY_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0)
CHORE_SECONDS = 1.0
LOCKS_PER_LEASE = 6
"""So many waits for a lock fit into a lease, with a beat after each of them."""
AWAY = (OperationalError, InterfaceError, InternalError)
"""The database cannot be written now, whatever the value: it is locked, full, away or read-only."""


@dataclass(slots=True)
class Batch:
    """What one transaction writes and takes."""

    number: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    words: list[AttemptUpdate] = field(default_factory=list)
    notes: list[StoredArtifact] = field(default_factory=list)
    beat: bool = False
    claims: dict[str, int] = field(default_factory=dict)

    @property
    def writes_something(self) -> bool:
        """Whether it has more than questions."""
        return bool(self.outcomes or self.words or self.notes or self.beat)

    def __bool__(self) -> bool:
        return self.writes_something or bool(self.claims)


@dataclass(slots=True)
class BatchResult:
    """What came of a batch."""

    claims: dict[str, list[Claim]] = field(default_factory=dict)
    late: list[Outcome] = field(default_factory=list)
    stale_files: list[str] = field(default_factory=list)
    beating: bool = True
    committed: bool = False


def write(batch: Batch, consumer: uuid.UUID) -> BatchResult:
    """Write a batch in one transaction.

    Files come before words and words before outcomes: after its outcome an attempt may write
    nothing.

    Raises:
        DatabaseError: nothing of it was written.
    """
    found = list(batch.claims)
    if not batch.writes_something:
        if lifecycle.claims_in_one_round_trip():
            return _claim_each(batch, consumer)
        # An idle consumer only reads: it takes the write lock when there is something to write.
        found = [queue for queue in found if lifecycle.has_waiting(queue)]
    written = BatchResult(claims={queue: [] for queue in batch.claims})
    if not (found or batch.writes_something):
        return written
    # SQLite's write lock is held for as long as this lasts: what can be done before or after it is.
    endings = lifecycle.prepare_outcomes(batch.outcomes)
    with lifecycle.write_transaction():
        for note in batch.notes:
            kept, replaced = lifecycle.save_artifact(note)
            written.stale_files += [replaced] if replaced else []
            written.stale_files += [] if kept else [note.file]
        lifecycle.write_updates(batch.words)
        written.late = lifecycle.write_outcomes(endings)
        if batch.beat:
            written.beating = lifecycle.heartbeat(consumer)
        now = timezone.now()
        taken = {
            queue: lifecycle.claim_rows(queue, batch.claims[queue], consumer, now)
            for queue in found
        }
    written.committed = True
    written.claims |= {queue: lifecycle.to_claims(rows, now) for queue, rows in taken.items()}
    delete_files(written.stale_files)
    return written


def _claim_each(batch: Batch, consumer: uuid.UUID) -> BatchResult:
    """Claim from each queue by itself. When the database goes away in between, what was claimed
    until then counts; the other queues are looked at again."""
    written = BatchResult()
    for queue, limit in batch.claims.items():
        try:
            claims = lifecycle.claim_jobs(queue, limit, consumer, timezone.now())
        except AWAY:
            if not written.committed:
                raise
            break
        written.claims[queue] = claims
        written.committed = written.committed or bool(claims)
    return written


class Pacer:
    """Keeps transactions apart while there are many, and backs off while there can be none."""

    def __init__(self) -> None:
        self._next = 0.0
        self._failures = 0

    def wait(self) -> None:
        """Wait until the next transaction may begin."""
        seconds = self._next - time.monotonic()
        if seconds > 0:
            time.sleep(seconds)

    def succeeded(self) -> None:
        """A transaction was committed."""
        if self._failures:
            logger.warning("The database is back.")
        self._failures = 0
        self._next = time.monotonic() + PACE_SECONDS

    def failed(self, error: Exception) -> None:
        """A transaction failed; say so once."""
        if not isinstance(error, DatabaseError | InterfaceError):
            logger.error("Unexpected. Trying again.", exc_info=error)
        elif not self._failures:
            logger.warning("The database cannot be written: %s. Trying again.", error)
        # To wait for a lock was a pause, and a beat is due after it.
        step = 0 if lifecycle.is_lock_timeout(error) else self._failures
        pause = RETRY_SECONDS[min(step, len(RETRY_SECONDS) - 1)]
        self._failures += 1
        self._next = time.monotonic() + pause
        # A broken connection is replaced; a locked SQLite keeps its own.
        connection().close_if_unusable_or_obsolete()


class BatchWriter(threading.Thread):
    """The thread. ``plan`` says what to write, ``done`` is told what came of it."""

    def __init__(
        self,
        plan: Callable[[], Batch],
        done: Callable[[Batch, BatchResult], None],
        chores: Callable[..., float],
        consumer: Callable[[], uuid.UUID],
    ) -> None:
        super().__init__(name="writer", daemon=True)
        self._plan = plan
        self._done = done
        self._chores = chores
        self._consumer = consumer
        self._pacer = Pacer()
        self._work = threading.Event()
        self._finish = threading.Event()

    def wake(self) -> None:
        """There is something to write or to look for."""
        self._work.set()

    def flush_and_stop(self, timeout: float) -> bool:
        """Write what is left and end; whether that was done in time."""
        self._finish.set()
        self._work.set()
        self.join(timeout)
        return not self.is_alive()

    def run(self) -> None:
        """Write until told to finish and nothing is left."""
        with lifecycle.limited_lock_waits(get_conf().lease_seconds / LOCKS_PER_LEASE):
            self._run()

    def _run(self) -> None:
        pause = 0.0
        while True:
            woken = self._work.wait(pause)
            self._work.clear()
            try:
                self._pacer.wait()
                pause = self._turn(woken)
            except Exception as error:  # noqa: BLE001
                # Not only the database's: if this thread ended, the process would look alive,
                # hold its jobs and finish none.
                self._pacer.failed(error)
                if lifecycle.is_lock_timeout(error):
                    self._beat_alone()
                pause = 0.0
                continue
            if self._finish.is_set() and not self._plan():
                connection().close()
                return

    def _turn(self, woken: bool) -> float:
        """Do what there is to do once; return how long there will be nothing."""
        pause = self._do_chores(early=not woken)
        batch = self._plan()
        if not batch:
            return pause
        try:
            written = write(batch, self._consumer())
        except AWAY:
            raise
        except Exception:
            logger.exception("A batch could not be written; writing it piece by piece.")
            written = self._piecemeal(batch)
        if written.committed:
            self._pacer.succeeded()
        self._done(batch, written)
        return 0.0 if self._work.is_set() else pause

    def _beat_alone(self) -> None:
        """Somebody's lock on a job keeps a batch from being written for as long as it is held. That
        may be no other consumer's trouble: they beat on, and would take this one for dead."""
        try:
            write(Batch(beat=True), self._consumer())
        except Exception as error:  # noqa: BLE001  (it is tried again with the next batch)
            logger.debug("No beat: %s", error)

    def _do_chores(self, *, early: bool) -> float:
        """A chore that fails must not keep outcomes from being written."""
        try:
            return self._chores(early=early)
        except AWAY:
            raise
        except Exception:
            logger.exception("A chore failed; it is tried again.")
            return CHORE_SECONDS

    def _piecemeal(self, batch: Batch) -> BatchResult:
        """One bad value must not keep its neighbours from being written."""
        written = BatchResult(committed=True)
        if batch.beat:
            written.beating = write(Batch(beat=True), self._consumer()).beating
        for words in batch.words:
            _skip_if_unwritable(Batch(words=[words]), self._consumer())
        for note in batch.notes:
            _skip_if_unwritable(Batch(notes=[note]), self._consumer())
        for outcome in batch.outcomes:
            written.late += _write_or_fail(outcome, self._consumer())
        return written


def _skip_if_unwritable(batch: Batch, consumer: uuid.UUID) -> None:
    try:
        write(batch, consumer)
    except AWAY:
        raise
    except Exception:
        logger.exception("The database refuses what a job said; it is dropped.")


def _write_or_fail(outcome: Outcome, consumer: uuid.UUID) -> list[Outcome]:
    """Write an outcome; when the database refuses the value, fail the job saying so."""
    try:
        return write(Batch(outcomes=[outcome]), consumer).late
    except AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (drivers raise more than Django's errors)
        replacement = Outcome(
            claim=outcome.claim,
            outcome=AttemptOutcome.FAILED,
            ended_at=outcome.ended_at,
            consumer=outcome.consumer,
            error_type="InvalidResult",
            message=f"The database refuses the result: {ascii(str(error))[:500]}",
            final=True,
        )
        return write(Batch(outcomes=[replacement]), consumer).late
