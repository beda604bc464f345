"""Jobs whose consumer died run again, at no cost to their budget while they are not suspected."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from django.utils import timezone

from jobs.core.db import Adapter, as_uuid, connection, run, write_transaction
from jobs.core.states import AttemptOutcome, Status
from jobs.models import Consumer, Job

from . import poison_jobs
from .claim import Claim
from .complete import finish
from .outcome import Outcome
from .sql import HELD, HOLDERS, LIVING


def orphaned_consumers() -> set[uuid.UUID | None]:
    """The consumers that hold running jobs but do not live: declared dead, or gone."""
    db = connection()
    # The holders first: who registers in between holds nothing yet.
    holding = [row[0] for row in run(db, HOLDERS, [])]
    living = {row[0] for row in run(db, LIVING, [])} if holding else set()
    return {key and as_uuid(key) for key in holding if key not in living}


def rescue_jobs(consumer: uuid.UUID | None) -> int:
    """Hand back what a dead consumer was running; return how many jobs.

    Call it inside a transaction. Two rescuers do no harm: each job has one attempt to end.
    """
    now = timezone.now()
    label = str(Consumer.objects.filter(pk=consumer).first() or "") if consumer else ""
    held = list(Job.objects.filter(consumer_id=consumer, status=Status.RUNNING))
    guilty = poison_jobs.find_poison_job(held)
    late = finish(_lost_outcome(job, now, label, charged=job is guilty) for job in held)
    return len(held) - len(late)


def _lost_outcome(job: Job, now: datetime, label: str, *, charged: bool) -> Outcome:
    claim = _claim_of(job)
    if charged:
        return Outcome(
            claim=claim,
            outcome=AttemptOutcome.DIED,
            ended_at=now,
            consumer=label,
            error_type="WorkerDied",
            message="the worker process was lost whenever this ran, more than"
            f" {poison_jobs.FREE_LOSSES} times in a row",
        )
    return Outcome(
        claim=claim,
        outcome=AttemptOutcome.LOST,
        ended_at=now,
        consumer=label,
        error_type="WorkerLost",
        message="the worker process was lost",
        pause=poison_jobs.pause_after_losses(job.lost_count + 1),
    )


def release_unconfirmed(consumer: uuid.UUID, held: Collection[tuple[uuid.UUID, int]]) -> int:
    """Hand back what a living consumer has by the table and does not know of; return how many.

    ``held`` are the jobs and attempts that it knows of. When the connection breaks at a commit
    nobody learns whether the claims in it count: without this they would run for ever.
    """
    db = connection()
    rows = run(db, HELD, [Adapter(db).uuid(consumer)])
    strange = {(as_uuid(key), attempt) for key, attempt in rows} - set(held)
    if not strange:
        return 0
    mine = Job.objects.filter(consumer_id=consumer, status=Status.RUNNING)
    strays = [job for job in mine if (job.id, job.attempt) in strange]
    now = timezone.now()
    with write_transaction():
        late = finish(
            Outcome(
                claim=_claim_of(job),
                outcome=AttemptOutcome.RELEASED,
                ended_at=now,
                error_type="Released",
                message="handed back: the database did not confirm that it was taken",
            )
            for job in strays
        )
    return len(strays) - len(late)


def _claim_of(job: Job) -> Claim:
    return Claim(
        id=job.id,
        task=job.task,
        module_path=job.module_path,
        queue=job.queue,
        args=job.args,
        kwargs=job.kwargs,
        attempt=job.attempt,
        failures=job.failures,
        lost_count=job.lost_count,
        max_attempts=job.max_attempts,
        timeout=job.timeout,
        owner_id=job.owner_id,
        started_at=job.started_at or job.created_at,
    )
