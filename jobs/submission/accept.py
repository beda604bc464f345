"""One way in for the form, the API, the command line and code: validate, insert, announce."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import IntegrityError, OperationalError
from django.utils import timezone

from .. import lifecycle
from ..catalog.registry import AnyTask, get_task
from ..catalog.signature import Validated
from ..compat import task_backends
from ..errors import (
    IdempotencyConflict,
    InvalidOptions,
    Problem,
    QueueFull,
    Unavailable,
    UnknownQueue,
)
from ..ids import uuid7
from ..jsontext import clean
from ..models import Job
from .announce import announce
from .backlog import require_room
from .permission import require_permission
from .uploads import check_uploads

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

T = TypeVar("T")
TRIES = 5


@dataclass(frozen=True, slots=True)
class Submitted:
    """A ticket. ``created`` is False when the same request or unique key was there before;
    ``rung`` says that consumers have been told."""

    job: Job
    created: bool
    rung: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
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


def submit(
    task: str | AnyTask,
    args: Any,
    *,
    owner: AbstractBaseUser | None = None,
    from_outside: bool = False,
    **wishes: Any,
) -> Submitted:
    """Hand in a job.

    Args:
        task: the task or its name.
        args: the arguments, a mapping of names to JSON values.
        owner: whose job it is.
        from_outside: check the owner's permission, his limits and the queue's backlog.
        wishes: the fields of ``Wishes``.

    Raises:
        Refused: something in the request does not fit; nothing was recorded.
        IdempotencyConflict: the key was used for a different request.
        Unavailable: the database cannot take it now.
    """
    asked = Wishes(**wishes)
    if asked.idempotency_key is not None:
        # Before anything is checked: the answer to a repeat is the first job, whatever became of
        # its task or of its owner's permissions.
        before = when_available(lambda: _same_request(asked, owner))
        if before is not None:
            return before
    declared = get_task(task) if isinstance(task, str) else task
    if from_outside:
        require_permission(declared, owner)
    validated = declared.spec.validate(args)
    job = new_row(declared, validated.stored, owner, asked)
    check_options(job, declared, owner, from_outside)
    if validated.uploads:
        when_available(lambda: check_uploads(validated, owner))
    if from_outside:
        before = when_available(lambda: _same_where_full(job))
        if before is not None:
            return before
    submitted = when_available(lambda: _record(job, validated, asked, owner))
    if submitted.created:
        announce(submitted.job, declared, ring=asked.job_id is None and not submitted.rung)
    return submitted


def when_available(action: Callable[[], T]) -> T:
    """Run it; a database that cannot take it is said in words, and when to come back."""
    try:
        with lifecycle.bounded_waits():
            return action()
    except OperationalError as error:
        raise Unavailable(f"The database cannot take it now ({error}).") from error


def new_row(
    task: AnyTask, stored: dict[str, Any], owner: AbstractBaseUser | None, asked: Wishes
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
        args=stored,
        positional=[],
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
    job: Job, task: AnyTask, owner: AbstractBaseUser | None, from_outside: bool
) -> None:
    """Check what was asked for beside the arguments.

    Raises:
        UnknownQueue: the project has no such queue.
        InvalidOptions: a value is out of its bounds, or above what this owner may ask for.
    """
    queues = task_backends[task.backend].queues
    if queues and job.queue not in queues:
        raise UnknownQueue(job.queue, sorted(queues))
    problems: list[Problem] = []
    if not -100 <= job.priority <= 100:
        problems.append({"pointer": "/priority", "detail": "It must be from -100 to 100."})
    if not 1 <= job.max_attempts <= 1000:
        problems.append({"pointer": "/max_attempts", "detail": "It must be from 1 to 1000."})
    if job.run_after is not None and timezone.is_naive(job.run_after):
        problems.append({"pointer": "/run_after", "detail": "It needs a time zone."})
    if len(job.unique_key) > 200:
        problems.append({"pointer": "/unique_key", "detail": "At most 200 characters."})
    if from_outside and not getattr(owner, "is_staff", False):
        problems += _raised(job, task)
    if problems:
        raise InvalidOptions(problems)


def _raised(job: Job, task: AnyTask) -> list[Problem]:
    """Who is not staff may lower, never raise."""
    limits = {"priority": task.priority, "max_attempts": task.max_attempts}
    return [
        {"pointer": f"/{name}", "detail": f"You may lower it, not raise it above {limit}."}
        for name, limit in limits.items()
        if getattr(job, name) > limit
    ]


def _same_where_full(job: Job) -> Submitted | None:
    """Check the queue's room; a repeat needs none, for its job is there already."""
    try:
        require_room(job.queue)
    except QueueFull:
        before = _same_slot(job)
        if before is None:
            raise
        return before
    return None


def _record(
    job: Job, arguments: Validated, asked: Wishes, owner: AbstractBaseUser | None
) -> Submitted:
    for attempt in range(TRIES):
        try:
            rung = lifecycle.record(job, arguments.uploads, ring=asked.job_id is None)
        except IntegrityError:
            # An upload may have been pruned since it was looked at: then this says so.
            check_uploads(arguments, owner)
            before = _same_request(asked, owner) or _same_slot(job) or _same_id(asked)
            if before is not None:
                return before
            # The one in our way finished in between: then there is room now.
            if attempt == TRIES - 1:
                raise
        else:
            return Submitted(job, created=True, rung=rung)
    raise AssertionError("unreachable")


def _same_request(asked: Wishes, owner: AbstractBaseUser | None) -> Submitted | None:
    if asked.idempotency_key is None or owner is None:
        return None
    job = Job.objects.filter(owner_id=owner.pk, idempotency_key=asked.idempotency_key).first()
    if job is None:
        return None
    if job.idempotency_digest != asked.request_digest:
        raise IdempotencyConflict
    return Submitted(job, created=False)


def _same_id(asked: Wishes) -> Submitted | None:
    if asked.job_id is None:
        return None
    found = Job.objects.filter(pk=asked.job_id).first()
    return Submitted(found, created=False) if found is not None else None


def _same_slot(job: Job) -> Submitted | None:
    if job.unique_slot is None:
        return None
    found = Job.objects.in_slot(job.unique_slot).first()
    return Submitted(found, created=False) if found is not None else None
