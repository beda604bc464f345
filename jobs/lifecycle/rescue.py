"""Requeue the jobs of dead consumers; a lost attempt counts only against a poison job."""

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
from .sql import CLAIMED_BY, CONSUMERS_WITH_JOBS, LIVING


def orphaned_consumers() -> set[uuid.UUID | None]:
    """Return the consumers that have running jobs but are marked dead or no longer exist.

    None among them stands for running jobs without a consumer.
    """
    db = connection()
    # In this order: a consumer that registers in between has no running job yet.
    with_jobs = [key for (key,) in run(db, CONSUMERS_WITH_JOBS, [])]
    living = {key for (key,) in run(db, LIVING, [])} if with_jobs else set()
    return {key and as_uuid(key) for key in with_jobs if key not in living}


def rescue_jobs(consumer: uuid.UUID | None) -> list[Outcome]:
    """Release the jobs that a dead consumer was running; return how their attempts ended.

    Call it inside a transaction. Two processes may do it at the same time: only one of them can
    end an attempt.
    """
    now = timezone.now()
    label = str(Consumer.objects.filter(pk=consumer).first() or "") if consumer else ""
    lost_jobs = list(Job.objects.filter(consumer_id=consumer, status=Status.RUNNING))
    poison_job = poison_jobs.find_poison_job(lost_jobs)
    lost = [_lost_outcome(job, now, label, charged=job is poison_job) for job in lost_jobs]
    return _finish(lost)


def _lost_outcome(job: Job, now: datetime, label: str, *, charged: bool) -> Outcome:
    claim = _claim_of(job)
    if charged:
        return Outcome(
            claim=claim,
            outcome=AttemptOutcome.DIED,
            cancel_requested=job.cancel_requested,
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
        pause=poison_jobs.requeue_pause(job.lost_count + 1),
    )


def _finish(outcomes: list[Outcome]) -> list[Outcome]:
    """Write the outcomes; return those that did not come too late."""
    late = {outcome.claim.id for outcome in finish(outcomes)}
    return [outcome for outcome in outcomes if outcome.claim.id not in late]


def release_unconfirmed(
    consumer: uuid.UUID, known: Collection[tuple[uuid.UUID, int]]
) -> list[Outcome]:
    """Release jobs that a living consumer has claimed without knowing it; return their attempts.

    When the connection breaks during a commit, the consumer does not learn whether its claims were
    committed. Without this such jobs would have the status "running" for ever.

    Args:
        consumer: the consumer that calls this.
        known: job id and attempt number of everything that it is running.
    """
    db = connection()
    rows = run(db, CLAIMED_BY, [Adapter(db).uuid(consumer)])
    unknown = {(as_uuid(job_id), attempt) for job_id, attempt in rows} - set(known)
    if not unknown:
        return []
    claimed = Job.objects.filter(consumer_id=consumer, status=Status.RUNNING)
    unconfirmed = [job for job in claimed if (job.id, job.attempt) in unknown]
    now = timezone.now()
    with write_transaction():
        return _finish(
            [
                Outcome(
                    claim=_claim_of(job),
                    outcome=AttemptOutcome.RELEASED,
                    ended_at=now,
                    error_type="Released",
                    message="handed back: the database did not confirm that it was taken",
                )
                for job in unconfirmed
            ]
        )


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
        priority=job.priority,
        created_at=job.created_at,
        run_after=job.run_after,
    )
