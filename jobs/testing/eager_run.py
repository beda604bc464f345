"""Running one enqueued job to its end."""

from __future__ import annotations

import uuid

from django.db.models import Q

from jobs.core.states import Status
from jobs.models import Job

from .inline_consumer import consuming, raise_error
from .runner import Ran


def run_until_ended(job_id: uuid.UUID, *, with_retries: bool, raise_errors: bool) -> None:
    """Run a job that is due, after those of its queue that are before it.

    Args:
        job_id: the job.
        with_retries: run it again until it has ended, without a pause.
        raise_errors: raise what its last attempt raised.
    """
    job = Job.objects.get(pk=job_id)
    last: Ran | None = None
    retries = Q(pk=job_id, failures__gt=0)
    with consuming([job.queue], retries if with_retries else None) as consumer:
        while job.status == Status.QUEUED or (with_retries and _is_retry(job)):
            ran = consumer.run_next()
            if ran is None:
                break
            last = ran if ran.outcome.claim.id == job_id else last
            job.refresh_from_db()
    if raise_errors and last is not None:
        raise_error(last)


def _is_retry(job: Job) -> bool:
    return job.status == Status.SCHEDULED and job.failures > 0
