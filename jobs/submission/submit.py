"""The one way in for forms, the API, the command line, messages and code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError

from jobs import lifecycle
from jobs.catalog.registry import AnyTask, get_task
from jobs.catalog.signature import ValidatedArguments
from jobs.errors import LimitReached, LimitState
from jobs.models import Job

from .backlog import require_capacity
from .database_errors import operational_errors_as_unavailable
from .existing import existing_by_id, existing_by_idempotency_key, existing_by_unique_slot
from .options import SubmitOptions, check_options, new_job, require_email_address
from .permissions import require_permission, require_within_token
from .signals import send_task_enqueued
from .task_result import JobResult
from .uploads import check_uploads

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

MOST_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """The job of a submission; ``created`` is False if the same request, or an unfinished job with
    the same unique key, was there before."""

    job: Job
    created: bool
    is_replay: bool = False
    """Whether the job has the request's idempotency key: the same request came before."""
    limits: Sequence[LimitState] = ()
    """What is left of each limit, where limits are enforced and a job was inserted."""


def submit_by_name(task: str, /, **arguments: Any) -> JobResult[Any]:
    """Submit a job by the name of its task; return its handle at once. (``jobs.submit``)

    Raises:
        UnknownTask: there is no such task.
        InvalidArguments: the arguments do not fit.
    """
    return get_task(task).enqueue(**arguments)


def submit_job(
    task: str | AnyTask,
    arguments: Mapping[str, Any] | ValidatedArguments,
    *,
    options: SubmitOptions | None = None,
    owner: AbstractBaseUser | None = None,
    enforce_limits: bool = False,
) -> SubmitResult:
    """Submit a job; consumers are notified once it is committed.

    Args:
        task: the task or its name.
        arguments: names and JSON values, or what the task's ``spec.validate`` returned for them.
        options: what is set beside the arguments; None leaves all of it to the task.
        owner: whose job it is.
        enforce_limits: check the owner's permission, their limits and the queue's.

    Raises:
        Refused: something in the request does not fit, or is not for the owner's token; nothing
            was inserted.
        IdempotencyConflict: the key was used for a different request.
        Unavailable: the database cannot take it now.
    """
    options = options or SubmitOptions()
    if options.idempotency_key is not None:
        # Before anything is checked: the answer to a repeat is the first job, whatever became of
        # its task or of its owner's permissions.
        with operational_errors_as_unavailable():
            existing = existing_by_idempotency_key(options, owner)
        if existing is not None:
            return _repeated(existing, owner, options=options)
    if isinstance(task, str):
        task = get_task(task)
    if enforce_limits:
        require_permission(task, owner)
    if not isinstance(arguments, ValidatedArguments):
        arguments = task.spec.validate(arguments)
    job = _checked_job(task, arguments, owner, options, enforce_limits)
    with operational_errors_as_unavailable(sets_timeout=False):
        check_uploads(arguments, owner)
        limits: Sequence[LimitState] = ()
        if enforce_limits:
            try:
                limits = require_capacity(job.queue, owner)
            except LimitReached:
                # A repeat needs no room, for its job is there already.
                existing = existing_by_unique_slot(job)
                if existing is None:
                    raise
                return _repeated(existing, owner)
        result = _insert(job, arguments, options, owner, limits)
    if result.created:
        send_task_enqueued(job, task)
    return result


def _checked_job(
    task: AnyTask,
    arguments: ValidatedArguments,
    owner: AbstractBaseUser | None,
    options: SubmitOptions,
    enforce_limits: bool,
) -> Job:
    job = new_job(task, arguments.stored, owner, options)
    check_options(job, task, owner, enforce_limits)
    if options.email is not None:
        require_email_address(owner)
    return job


def _repeated(
    job: Job,
    owner: AbstractBaseUser | None,
    limits: Sequence[LimitState] = (),
    options: SubmitOptions | None = None,
) -> SubmitResult:
    """The result of a request whose job is there already; it may be in another queue by now."""
    require_within_token(owner, job.task, job.queue)
    key = None if options is None else options.idempotency_key
    is_replay = key is not None and job.idempotency_key == key
    return SubmitResult(job, created=False, is_replay=is_replay, limits=limits)


def _insert(
    job: Job,
    arguments: ValidatedArguments,
    options: SubmitOptions,
    owner: AbstractBaseUser | None,
    limits: Sequence[LimitState],
) -> SubmitResult:
    def insert() -> None:
        if options.job_id is None:
            lifecycle.insert_job(job, arguments.uploads, options.email)
        else:
            lifecycle.insert_received_job(job, arguments.uploads)

    for attempt in range(MOST_TRIES):
        try:
            insert()
        except IntegrityError:
            # An upload may have been pruned since it was checked: then this says so.
            check_uploads(arguments, owner)
            existing = (
                existing_by_idempotency_key(options, owner)
                or existing_by_unique_slot(job)
                or existing_by_id(options)
            )
            if existing is not None:
                return _repeated(existing, owner, limits, options)
            # The job with the same key finished in between: then there is room now.
            if attempt == MOST_TRIES - 1:
                raise
        else:
            return SubmitResult(job, created=True, limits=limits)
    raise AssertionError("unreachable")
