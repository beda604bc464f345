"""What a submitter may set beside the arguments, and the job that results from it."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.utils import timezone

from jobs.catalog.option_values import (
    any_queue_error,
    attempts_error,
    priority_error,
    run_after_error,
    timeout_error,
    unique_key_error,
    whole,
)
from jobs.catalog.registry import AnyTask
from jobs.compat import task_backends
from jobs.core.jsonutils import clean
from jobs.core.request_ids import current_request_id
from jobs.core.rights import CHANGE_JOBS, has_right, note_use
from jobs.core.times import project_time
from jobs.core.users import email_address
from jobs.core.uuid7 import uuid7, uuid7_time
from jobs.errors import FieldError, InvalidOptions, UnknownQueue
from jobs.lifecycle import EmailOption
from jobs.models import Job

from .permissions import require_within_token

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOptions:
    """What a submitter may set beside the arguments. None leaves it to the task."""

    queue: str | None = None
    """The name of a queue of the project."""
    priority: int | None = None
    """-100 to 100; higher runs first."""
    run_after: datetime | None = None
    """The job does not run before this time, which has a zone unless USE_TZ is False."""
    max_attempts: int | None = None
    """After so many failures the job has failed; 1 to 1000."""
    unique_key: str | None = None
    """At most one unfinished job of a task, an owner and a key; "" for no key."""
    idempotency_key: str | None = None
    """The API's Idempotency-Key: as long as a job is kept, the same request leads to it."""
    request_digest: str = ""
    """A digest of the request that the idempotency key came with, to tell it from others."""
    traceparent: str | None = None
    """The trace that the submission belongs to, as ``parse_traceparent`` returned it."""
    email: EmailOption | None = None
    """The owner wants an e-mail when the job has ended."""
    job_id: uuid.UUID | None = None
    """The id that a message brought. The message wakes a consumer, so nothing notifies them."""


def new_job(
    task: AnyTask, stored: dict[str, Any], owner: AbstractBaseUser | None, options: SubmitOptions
) -> Job:
    """Return the job of a submission, not yet inserted.

    Args:
        task: what decides where the options are None.
        stored: the arguments, ``ValidatedArguments.stored``.
        owner: whose job it is; None leaves it to the task.
        options: what was set beside the arguments.
    """
    owner_id = owner.pk if owner is not None else task.owner_id
    key = options.unique_key if options.unique_key is not None else task.unique_key
    return Job.new(
        id=options.job_id or uuid7(),
        task=task.name,
        module_path=task.module_path,
        queue=_first(options.queue, task.queue_name),
        priority=whole(_first(options.priority, task.priority)),
        kwargs=stored,
        args=[],
        max_attempts=_first(options.max_attempts, task.max_attempts),
        timeout=task.timeout,
        owner_id=owner_id,
        unique_key=clean(key or ""),
        unique_slot=unique_slot_of(task.name, owner_id, key) if key else None,
        idempotency_key=options.idempotency_key,
        idempotency_digest=options.request_digest,
        traceparent=options.traceparent,
        # Of a job that another one submits, the same: it belongs to that request as well.
        request_id=current_request_id() or None,
        created_at=_submitted_at(options.job_id),
        run_after=due(_first(options.run_after, task.run_after)),
    )


def _submitted_at(job_id: uuid.UUID | None) -> datetime:
    """Return when a job was submitted: one that a message brought, when the message was made."""
    now = timezone.now()
    made = None if job_id is None else uuid7_time(job_id)
    return now if made is None else min(made, now)


def due(run_after: datetime | None) -> datetime | None:
    """Return when a job may run, as its column has it."""
    return None if run_after is None else project_time(run_after)


def _first(asked: T | None, usual: T) -> T:
    return asked if asked is not None else usual


def unique_slot_of(task: str, owner_id: Any, key: str) -> str:
    """Return one text for task, owner and key: to SQL, rows with a NULL owner would all differ."""
    return hashlib.sha256(f"{task}\n{owner_id}\n{clean(key)}".encode()).hexdigest()


def check_options(
    job: Job, task: AnyTask, owner: AbstractBaseUser | None, enforce_limits: bool
) -> None:
    """Check the options of a job that is not yet inserted.

    Args:
        job: what ``new_job`` returned for the task.
        task: its values are the limits of an owner who may not change others' jobs.
        owner: whose job it is.
        enforce_limits: whether the owner's limits hold.

    Raises:
        UnknownQueue: the project has no such queue.
        InvalidOptions: a value is out of its bounds, or above the owner's limits.
        NotAllowed: the owner's token is limited to other queues.
    """
    queues = task_backends[task.backend].queues
    if queues and job.queue not in queues:
        raise UnknownQueue(job.queue, sorted(queues))
    sentences = {
        "queue": None if queues else any_queue_error(job.queue),
        "priority": priority_error(job.priority),
        "max_attempts": attempts_error(job.max_attempts),
        "timeout": timeout_error(job.timeout),
        "run_after": run_after_error(job.run_after),
        "unique_key": unique_key_error(job.unique_key),
    }
    problems: list[FieldError] = [
        {"pointer": f"/{name}", "detail": sentence}
        for name, sentence in sentences.items()
        if sentence is not None
    ]
    if problems:
        raise InvalidOptions(problems)
    if not enforce_limits:
        return
    require_within_token(owner, job.task, job.queue)
    problems = _above_limits(job, task)
    if not problems:
        return
    if not has_right(owner, CHANGE_JOBS):
        raise InvalidOptions(problems)
    note_use(owner, CHANGE_JOBS, "raise")


def require_email_address(owner: AbstractBaseUser | None) -> None:
    """Check that the owner of a job can be sent an e-mail.

    Raises:
        InvalidOptions: there is no address.
    """
    if not email_address(owner):
        detail = "There is no e-mail address in your account, so none can be sent."
        raise InvalidOptions([{"pointer": "/notify", "detail": detail}])


def _above_limits(job: Job, task: AnyTask) -> list[FieldError]:
    """Return the values that are above the task's: it takes the right to change everybody's
    jobs to raise them."""
    limits = {"priority": task.priority, "max_attempts": task.max_attempts}
    return [
        {"pointer": f"/{name}", "detail": f"You may lower it, not raise it above {limit}."}
        for name, limit in limits.items()
        if getattr(job, name) > limit
    ]
