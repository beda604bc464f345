"""One way in for the form, the API, the command line and code: validate, insert, announce."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from jobs.catalog.registry import AnyTask
from jobs.compat import task_backends
from jobs.core.jsonutils import clean
from jobs.core.uuid7 import uuid7
from jobs.errors import FieldError, InvalidOptions, UnknownQueue
from jobs.models import Job

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOptions:
    """What a submitter may say beside the arguments; None leaves it to the task."""

    queue: str | None = None
    priority: int | None = None
    run_after: datetime | None = None
    max_attempts: int | None = None
    unique_key: str | None = None
    idempotency_key: str | None = None
    request_digest: str = ""
    job_id: uuid.UUID | None = None
    """The id that a message brought: the message itself rings for the job."""


def new_job(
    task: AnyTask, stored: dict[str, Any], owner: AbstractBaseUser | None, asked: SubmitOptions
) -> Job:
    """Return the job that is asked for, not yet recorded."""
    now = timezone.now()
    owner_id = owner.pk if owner is not None else task.owner_id
    key = asked.unique_key if asked.unique_key is not None else task.unique_key
    return Job.new(
        id=asked.job_id or uuid7(),
        task=task.name,
        module_path=task.module_path,
        queue=asked.queue if asked.queue is not None else task.queue_name,
        priority=asked.priority if asked.priority is not None else task.priority,
        kwargs=stored,
        args=[],
        max_attempts=asked.max_attempts if asked.max_attempts is not None else task.max_attempts,
        timeout=task.timeout,
        owner_id=owner_id,
        unique_key=clean(key or ""),
        unique_slot=_slot(task.name, owner_id, key) if key else None,
        idempotency_key=asked.idempotency_key,
        idempotency_digest=asked.request_digest,
        created_at=now,
        run_after=asked.run_after if asked.run_after is not None else task.run_after,
    )


def _slot(task: str, owner_id: Any, key: str) -> str:
    """One text for (task, owner, key): a NULL owner would make every row distinct to SQL."""
    return hashlib.sha256(f"{task}\n{owner_id}\n{clean(key)}".encode()).hexdigest()


def check_options(
    job: Job, task: AnyTask, owner: AbstractBaseUser | None, enforce_limits: bool
) -> None:
    """Check what was asked for beside the arguments.

    Raises:
        UnknownQueue: the project has no such queue.
        InvalidOptions: a value is out of its bounds, or above what this owner may ask for.
    """
    queues = task_backends[task.backend].queues
    if queues and job.queue not in queues:
        raise UnknownQueue(job.queue, sorted(queues))
    problems: list[FieldError] = []
    if not -100 <= job.priority <= 100:
        problems.append({"pointer": "/priority", "detail": "It must be from -100 to 100."})
    if not 1 <= job.max_attempts <= 1000:
        problems.append({"pointer": "/max_attempts", "detail": "It must be from 1 to 1000."})
    if job.run_after is not None and timezone.is_naive(job.run_after):
        problems.append({"pointer": "/run_after", "detail": "It needs a time zone."})
    if len(job.unique_key) > 200:
        problems.append({"pointer": "/unique_key", "detail": "At most 200 characters."})
    if enforce_limits and not getattr(owner, "is_staff", False):
        problems += _raised(job, task)
    if problems:
        raise InvalidOptions(problems)


def _raised(job: Job, task: AnyTask) -> list[FieldError]:
    """Who is not staff may lower, never raise."""
    limits = {"priority": task.priority, "max_attempts": task.max_attempts}
    return [
        {"pointer": f"/{name}", "detail": f"You may lower it, not raise it above {limit}."}
        for name, limit in limits.items()
        if getattr(job, name) > limit
    ]
