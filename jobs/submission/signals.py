"""Django's signals ``task_enqueued`` and ``task_finished``."""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.dispatch import Signal

from jobs.catalog.registry import AnyTask, load_task
from jobs.catalog.task_copy import backend_alias
from jobs.compat import Task, TaskResult, has_receivers, task_backends, task_enqueued, task_finished
from jobs.core.states import FINAL, AttemptOutcome, Status
from jobs.errors import UnknownTask
from jobs.lifecycle import Outcome
from jobs.models import Attempt, Job

from .attempt_errors import exception_again
from .framework_log import ending
from .task_result import result_of_rows, task_of, task_result


def send_task_enqueued(job: Job, task: AnyTask | Task[..., object]) -> None:
    """Send the signal for a job that has been inserted, if somebody listens."""
    if not has_receivers(task_enqueued, logging.DEBUG):
        return
    # The job is inserted: a receiver that fails must not look like a refusal, after which the
    # caller would submit it again. Django logs what it raised.
    send(task_enqueued, task_result(job, task))


def wants_task_finished(outcome: Outcome) -> bool:
    """Whether somebody listens for the end of a job whose attempt ended like this.

    A success is logged by Django at INFO, everything else at ERROR.
    """
    succeeded = outcome.outcome == AttemptOutcome.SUCCEEDED
    return has_receivers(task_finished, logging.INFO if succeeded else logging.ERROR)


def send_task_finished(outcomes: Sequence[Outcome]) -> None:
    """Send the signal for each job that has ended with one of these attempts.

    Call it after the commit: the rows are read again, because only they tell whether an attempt was
    the last one (a cancel that was requested meanwhile turns every ending but success into one).

    Args:
        outcomes: what was written, not what came too late.
    """
    rows = Job.objects.in_bulk([outcome.claim.id for outcome in outcomes])
    ended = {outcome.claim.id: outcome for outcome in outcomes if _is_last(outcome, rows)}
    attempts = _attempts_of(ended)
    for job_id, outcome in ended.items():
        _send_finished(rows[job_id], attempts[job_id], outcome)


def send_task_cancelled(job_id: uuid.UUID) -> None:
    """Send ``task_finished`` for a job that was cancelled while it waited, if somebody listens."""
    if not has_receivers(task_finished):
        return
    job = Job.objects.filter(pk=job_id, status=Status.CANCELLED).first()
    if job is not None:
        _send_finished(job, _attempts_of([job_id])[job_id], None)


def _is_last(outcome: Outcome, rows: dict[uuid.UUID, Job]) -> bool:
    job = rows.get(outcome.claim.id)
    return job is not None and job.status in FINAL and job.attempt == outcome.claim.attempt


def _attempts_of(job_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Attempt]]:
    found: dict[uuid.UUID, list[Attempt]] = defaultdict(list)
    for attempt in Attempt.objects.filter(job_id__in=list(job_ids)).order_by("number"):
        found[attempt.job_id].append(attempt)
    return found


def _send_finished(job: Job, attempts: list[Attempt], outcome: Outcome | None) -> None:
    try:
        task = load_task(job.task, job.module_path)
    except UnknownTask:
        return  # no ``TaskResult`` can be made for it
    result = result_of_rows(job, task_of(job, task, backend_alias(task, job.queue)), attempts)
    if job.status == Status.SUCCEEDED:
        send(task_finished, result)
    else:
        with ending(Status(job.status)):
            _send_with_exception(result, _exception(job, attempts, outcome))


def _exception(job: Job, attempts: list[Attempt], outcome: Outcome | None) -> BaseException:
    """The exception that the task raised here, or one that looks like what ended the job."""
    if job.status == Status.FAILED and outcome is not None and outcome.exception is not None:
        return outcome.exception
    traceback = attempts[-1].traceback if attempts and job.status == Status.FAILED else ""
    return exception_again(job.error_type, job.error_message, traceback)


def _send_with_exception(result: TaskResult[object], exception: BaseException) -> None:
    """Send the signal while the exception is being handled, as Django's own backends do.

    Django's receiver takes the traceback of its ERROR record, and of the mail to ADMINS, from it.
    """
    frames = exception.__traceback__
    try:
        raise exception
    except BaseException as error:  # noqa: BLE001  (whatever the task has raised)
        error.__traceback__ = frames  # without this function
        send(task_finished, result)


def send(signal: Signal, result: TaskResult[object]) -> None:
    """Send a signal of the framework. A receiver that fails is logged, and harms nobody."""
    signal.send_robust(sender=type(task_backends[result.backend]), task_result=result)
