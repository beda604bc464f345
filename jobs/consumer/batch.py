"""Writing one batch of a consumer: outcomes, updates, artifacts, heartbeat and claims together."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field

from django.utils import timezone

from jobs import lifecycle
from jobs.core.database_faults import fault_of
from jobs.core.states import AttemptOutcome
from jobs.core.storage import delete_files
from jobs.lifecycle import AttemptUpdate, Claim, Outcome, StoredArtifact
from jobs.models import ConsumerRequest

logger = logging.getLogger("jobs.writer")


@dataclass(slots=True)
class Batch:
    """What one transaction writes and claims.

    ``claims`` says how many jobs to claim from each queue.
    """

    number: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    updates: list[AttemptUpdate] = field(default_factory=list)
    artifacts: list[StoredArtifact] = field(default_factory=list)
    heartbeat: bool = False
    claims: dict[str, int] = field(default_factory=dict)

    @property
    def writes_something(self) -> bool:
        """Whether there is more to do than to poll queues."""
        return bool(self.outcomes or self.updates or self.artifacts or self.heartbeat)

    def __bool__(self) -> bool:
        return self.writes_something or bool(self.claims)


@dataclass(slots=True)
class BatchResult:
    """What a batch did.

    Attributes:
        claims: the jobs claimed from each queue that was polled.
        superseded: the outcomes that changed nothing: another consumer had the job by then.
        stale_files: names in the storage that no row refers to any more.
        alive: False when the heartbeat found that this consumer was declared dead.
        requested: what the heartbeat found that an operator asks.
        committed: whether there was a transaction.
    """

    claims: dict[str, list[Claim]] = field(default_factory=dict)
    superseded: list[Outcome] = field(default_factory=list)
    stale_files: list[str] = field(default_factory=list)
    alive: bool = True
    requested: ConsumerRequest = ConsumerRequest.NONE
    committed: bool = False


def write(batch: Batch, consumer: uuid.UUID) -> BatchResult:
    """Write a batch in one transaction.

    Artifacts come before updates and updates before outcomes: after its outcome an attempt may
    write nothing.

    Raises:
        DatabaseError: nothing of it was written.
    """
    waiting = list(batch.claims)
    if not batch.writes_something:
        if lifecycle.claims_in_one_round_trip():
            return _claim_each(batch, consumer)
        # An idle consumer only reads: it takes the write lock when there is something to write.
        waiting = [queue for queue in waiting if lifecycle.has_waiting(queue)]
    written = BatchResult(claims={queue: [] for queue in batch.claims})
    if not (waiting or batch.writes_something):
        return written
    # SQLite's write lock is held for the whole transaction: what can be done before or after it,
    # is done there.
    outcomes = lifecycle.prepare_outcomes(batch.outcomes)
    with lifecycle.write_transaction():
        for artifact in batch.artifacts:
            kept, replaced = lifecycle.save_artifact(artifact)
            written.stale_files += [replaced] if replaced else []
            written.stale_files += [] if kept else [artifact.file]
        lifecycle.write_updates(batch.updates)
        written.superseded = lifecycle.write_outcomes(outcomes)
        if batch.heartbeat:
            requested = lifecycle.heartbeat(consumer)
            written.alive = requested is not None
            written.requested = requested or ConsumerRequest.NONE
        now = timezone.now()
        claimed = {
            queue: lifecycle.claim_rows(queue, batch.claims[queue], consumer, now)
            for queue in waiting
        }
    written.committed = True
    written.claims |= {queue: lifecycle.to_claims(rows, now) for queue, rows in claimed.items()}
    delete_files(written.stale_files)
    return written


def _claim_each(batch: Batch, consumer: uuid.UUID) -> BatchResult:
    """Claim from each queue by itself.

    When the database goes away in between, what was claimed until then counts; the other queues
    are polled again.
    """
    written = BatchResult()
    for queue, limit in batch.claims.items():
        try:
            claims = lifecycle.claim_jobs(queue, limit, consumer, timezone.now())
        except Exception as error:
            if not written.committed or fault_of(error) is None:
                raise
            break
        written.claims[queue] = claims
        written.committed = written.committed or bool(claims)
    return written


def write_one_by_one(batch: Batch, consumer: uuid.UUID) -> BatchResult:
    """Write each part of a batch in a transaction of its own; claim nothing.

    One value that the database refuses must not keep the others from being written.
    """
    written = BatchResult(committed=True)
    if batch.heartbeat:
        heartbeat = write(Batch(heartbeat=True), consumer)
        written.alive, written.requested = heartbeat.alive, heartbeat.requested
    for update in batch.updates:
        _write_or_drop(Batch(updates=[update]), consumer)
    for artifact in batch.artifacts:
        _write_or_drop(Batch(artifacts=[artifact]), consumer)
    for outcome in batch.outcomes:
        written.superseded += _write_or_fail(outcome, consumer)
    return written


def _write_or_drop(batch: Batch, consumer: uuid.UUID) -> None:
    try:
        write(batch, consumer)
    except Exception as error:
        if fault_of(error) is not None:
            raise
        logger.exception("The database refuses what a job reported; it is dropped.")


def _write_or_fail(outcome: Outcome, consumer: uuid.UUID) -> list[Outcome]:
    """Write an outcome; when the database refuses the value, fail the job with that message."""
    try:
        return write(Batch(outcomes=[outcome]), consumer).superseded
    except Exception as error:  # drivers raise more than Django's errors
        if fault_of(error) is not None:
            raise
        # Changed and not replaced: what follows an ending looks at this object.
        outcome.outcome, outcome.final = AttemptOutcome.FAILED, True
        outcome.error_type, outcome.result, outcome.traceback = "InvalidResult", None, ""
        outcome.message = f"The database refuses the result: {ascii(str(error))[:500]}"
        return write(Batch(outcomes=[outcome]), consumer).superseded
