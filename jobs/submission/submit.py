"""One way in for the form, the API, the command line and code: validate, insert, announce."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import IntegrityError, OperationalError

from jobs import lifecycle
from jobs.catalog.registry import AnyTask, get_task
from jobs.catalog.signature import ValidatedArguments
from jobs.errors import IdempotencyConflict, QueueFull, Unavailable
from jobs.models import Job

from .backlog import require_capacity
from .notify import notify_submitted
from .options import SubmitOptions, check_options, new_job
from .permissions import require_permission
from .uploads import check_uploads

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

T = TypeVar("T")
TRIES = 5


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """A ticket. ``created`` is False when the same request or unique key was there before;
    ``rung`` says that consumers have been told."""

    job: Job
    created: bool
    rung: bool = False


def submit_job(
    task: str | AnyTask,
    arguments: Any,
    *,
    options: SubmitOptions | None = None,
    owner: AbstractBaseUser | None = None,
    enforce_limits: bool = False,
) -> SubmitResult:
    """Submit a job.

    Args:
        task: the task or its name.
        arguments: a mapping of names to JSON values, not yet validated.
        options: what is set beside the arguments; None leaves all of it to the task.
        owner: whose job it is.
        enforce_limits: check the owner's permission, their limits and the queue's backlog.

    Raises:
        Refused: something in the request does not fit; nothing was recorded.
        IdempotencyConflict: the key was used for a different request.
        Unavailable: the database cannot take it now.
    """
    asked = options or SubmitOptions()
    if asked.idempotency_key is not None:
        # Before anything is checked: the answer to a repeat is the first job, whatever became of
        # its task or of its owner's permissions.
        before = when_available(lambda: _same_request(asked, owner))
        if before is not None:
            return before
    declared = get_task(task) if isinstance(task, str) else task
    if enforce_limits:
        require_permission(declared, owner)
    validated = declared.spec.validate(arguments)
    job = new_job(declared, validated.stored, owner, asked)
    check_options(job, declared, owner, enforce_limits)
    if validated.uploads:
        when_available(lambda: check_uploads(validated, owner))
    if enforce_limits:
        before = when_available(lambda: _same_where_full(job))
        if before is not None:
            return before
    submitted = when_available(lambda: _record(job, validated, asked, owner))
    if submitted.created:
        notify_submitted(submitted.job, declared, ring=asked.job_id is None and not submitted.rung)
    return submitted


def when_available(action: Callable[[], T]) -> T:
    """Run it; a database that cannot take it is said in words, and when to come back."""
    try:
        with lifecycle.limited_lock_waits():
            return action()
    except OperationalError as error:
        raise Unavailable(f"The database cannot take it now ({error}).") from error


def _same_where_full(job: Job) -> SubmitResult | None:
    """Check the queue's room; a repeat needs none, for its job is there already."""
    try:
        require_capacity(job.queue)
    except QueueFull:
        before = _same_slot(job)
        if before is None:
            raise
        return before
    return None


def _record(
    job: Job, arguments: ValidatedArguments, asked: SubmitOptions, owner: AbstractBaseUser | None
) -> SubmitResult:
    for attempt in range(TRIES):
        try:
            rung = lifecycle.insert_job(job, arguments.uploads, ring=asked.job_id is None)
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
            return SubmitResult(job, created=True, rung=rung)
    raise AssertionError("unreachable")


def _same_request(asked: SubmitOptions, owner: AbstractBaseUser | None) -> SubmitResult | None:
    if asked.idempotency_key is None or owner is None:
        return None
    job = Job.objects.filter(owner_id=owner.pk, idempotency_key=asked.idempotency_key).first()
    if job is None:
        return None
    if job.idempotency_digest != asked.request_digest:
        raise IdempotencyConflict
    return SubmitResult(job, created=False)


def _same_id(asked: SubmitOptions) -> SubmitResult | None:
    if asked.job_id is None:
        return None
    found = Job.objects.filter(pk=asked.job_id).first()
    return SubmitResult(found, created=False) if found is not None else None


def _same_slot(job: Job) -> SubmitResult | None:
    if job.unique_slot is None:
        return None
    found = Job.objects.in_slot(job.unique_slot).first()
    return SubmitResult(found, created=False) if found is not None else None
