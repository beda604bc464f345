"""Running a claimed job as a consumer does: the task, its outcome, the signals."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jobs.catalog.registry import load_task
from jobs.catalog.task import JobTask
from jobs.compat import has_receivers, task_started
from jobs.consumer.attempt import Attempt
from jobs.consumer.batch import Batch, write, write_one_by_one
from jobs.consumer.call import bind_call, running_result
from jobs.consumer.failure_log import log_failure_once
from jobs.consumer.outcomes import could_not_begin, released
from jobs.core.database_faults import fault_of
from jobs.core.db import connection
from jobs.errors import JobsError
from jobs.lifecycle import Claim
from jobs.models import Job
from jobs.submission.signals import send, send_task_finished, wants_task_finished
from jobs.submission.uploads import file_infos

from .runner import CONSUMER, Ran, run_call


def run_claim(claim: Claim, consumer: uuid.UUID) -> Ran:
    """Run a claimed job here and write how it ended; return that."""
    attempt = Attempt(claim, lambda *_: None, CONSUMER)
    try:
        task = load_task(claim.task, claim.module_path)
        needs_files = isinstance(task, JobTask) and task.spec.takes_files
        files = file_infos(claim.id) if needs_files else {}
        call = bind_call(claim, task, attempt, files=files, consumer=CONSUMER)
    except JobsError as error:
        ran = Ran(attempt, could_not_begin(claim, error), error)
        _write(ran, consumer)
        log_failure_once(ran.outcome)
        return ran
    if has_receivers(task_started, logging.INFO):
        send(task_started, running_result(claim, task, CONSUMER))
    with _told_of_a_cancel(attempt):
        ran = run_call(attempt, task, call)
    _write(ran, consumer)
    log_failure_once(ran.outcome)
    if wants_task_finished(ran.outcome):
        send_task_finished([ran.outcome])
    return ran


@contextmanager
def _told_of_a_cancel(attempt: Attempt) -> Iterator[None]:
    """Tell the attempt at once when something on this connection asks for its job's cancel.

    A consumer asks the table every second or so; nobody else can see the transaction of a test.
    """
    db = connection()
    looking = False

    def look() -> None:
        job = Job.objects.filter(pk=attempt.claim.id, cancel_requested=True).first()
        if job is not None and attempt.cancelled_by() is None:
            attempt.request_cancel(job.cancelled_by)

    def execute(run: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        nonlocal looking
        result = run(sql, params, many, context)
        if not looking and str(sql).startswith('UPDATE "jobs_job"'):
            looking = True
            try:
                look()
            finally:
                looking = False
        return result

    look()
    with db.execute_wrapper(execute):
        yield


def _write(ran: Ran, consumer: uuid.UUID) -> None:
    """Write what a consumer's batch writer would, in the same order."""
    ran.attempt.settle(ran.outcome)
    update, artifacts = ran.attempt.collect()
    batch = Batch(
        outcomes=[ran.outcome],
        updates=[update] if update is not None else [],
        artifacts=artifacts,
    )
    try:
        write(batch, consumer)
    except Exception as error:  # drivers raise more than Django's errors
        if fault_of(error) is not None:
            raise
        write_one_by_one(batch, consumer)


def release(claim: Claim, reason: str, consumer: uuid.UUID) -> None:
    """Give a claimed job back that will not be run."""
    attempt = Attempt(claim, lambda *_: None, CONSUMER)
    _write(Ran(attempt, released(claim, reason)), consumer)
