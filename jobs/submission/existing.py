"""The job that is there already, in whose place no second one is inserted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.errors import IdempotencyConflict
from jobs.models import Job

from .options import SubmitOptions

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


def existing_by_idempotency_key(
    options: SubmitOptions, owner: AbstractBaseUser | None
) -> Job | None:
    """Return the job of the same request, whatever became of it; keys belong to their owner.

    Raises:
        IdempotencyConflict: the key was used for a different request.
    """
    if options.idempotency_key is None or owner is None:
        return None
    job = Job.objects.filter(owner_id=owner.pk, idempotency_key=options.idempotency_key).first()
    if job is not None and job.idempotency_digest != options.request_digest:
        raise IdempotencyConflict(job.idempotency_digest, options.request_digest)
    return job


def existing_by_unique_slot(job: Job) -> Job | None:
    """Return the unfinished job with the same task, owner and unique key."""
    return Job.objects.in_slot(job.unique_slot).first() if job.unique_slot is not None else None


def existing_by_id(options: SubmitOptions) -> Job | None:
    """Return the job with the id that a message brought: the message was delivered before."""
    return Job.objects.filter(pk=options.job_id).first() if options.job_id is not None else None
