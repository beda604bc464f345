"""Jobs whose consumer died run again, at no cost to their budget."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.utils import timezone

from ..models import Consumer, Job
from ..states import Ending, Status
from .claims import Claim
from .outcomes import Outcome, finish
from .writing import writing


def orphans() -> set[uuid.UUID | None]:
    """The consumers that hold running jobs but do not live: declared dead, or gone."""
    holding = set(
        Job.objects.filter(status=Status.RUNNING)
        .order_by()
        .values_list("consumer_id", flat=True)
        .distinct()
    )
    living = set(Consumer.objects.filter(dead_at=None).values_list("id", flat=True))
    return holding - living


def rescue(consumer: uuid.UUID | None) -> int:
    """Hand back what a dead consumer was running; return how many jobs.

    Call it inside a transaction. Two rescuers do no harm: each job has one attempt to end.
    """
    now = timezone.now()
    label = str(Consumer.objects.filter(pk=consumer).first() or "") if consumer else ""
    held = list(Job.objects.filter(consumer_id=consumer, status=Status.RUNNING))
    late = finish(
        Outcome(
            claim=_claim_of(job),
            ending=Ending.LOST,
            ended_at=now,
            consumer=label,
            error_type="WorkerLost",
            message="the worker process was lost",
        )
        for job in held
    )
    return len(held) - len(late)


def disown(consumer: uuid.UUID, held: Collection[tuple[uuid.UUID, int]]) -> int:
    """Hand back what a living consumer has by the table and does not know of; return how many.

    ``held`` are the jobs and attempts that it knows of. When the connection breaks at a commit
    nobody learns whether the claims in it count: without this they would run for ever.
    """
    rows = Job.objects.filter(consumer_id=consumer, status=Status.RUNNING)
    known = set(held)
    strays = [job for job in rows if (job.id, job.attempt) not in known]
    if not strays:
        return 0
    now = timezone.now()
    with writing():
        late = finish(
            Outcome(
                claim=_claim_of(job),
                ending=Ending.RELEASED,
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
        positional=job.positional,
        attempt=job.attempt,
        failures=job.failures,
        losses=job.losses,
        max_attempts=job.max_attempts,
        timeout=job.timeout,
        owner_id=job.owner_id,
        started_at=job.started_at or job.created_at,
    )
