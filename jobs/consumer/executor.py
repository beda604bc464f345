"""Running one attempt: find the task, bind its arguments, call it in a thread, on the event loop
or in a child process."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import DatabaseError, close_old_connections

from jobs.catalog.input_file import FileInfo
from jobs.catalog.registry import load_task
from jobs.catalog.task import JobTask
from jobs.compat import (
    Task,
    TaskError,
    TaskResultStatus,
    has_receivers,
    task_backends,
    task_finished,
    task_started,
)
from jobs.consumer.task_process.pool import TaskProcessPool
from jobs.core.states import AttemptOutcome
from jobs.errors import JobsError
from jobs.lifecycle import Outcome
from jobs.submission.uploads import file_infos

from .attempt import Attempt
from .call import bind_call, running_result
from .capture import current_attempt
from .deploy_skew import release_if_newer_code
from .event_loop import TimeLimit, abandon_if_stuck, run_coroutine
from .outcomes import (
    cancelled,
    could_not_begin,
    outcome_of_error,
    outcome_of_task_error,
    outcome_of_value,
    released,
    timed_out,
)

logger = logging.getLogger("jobs")


def run_attempt(attempt: Attempt, children: TaskProcessPool) -> None:
    """Run an attempt to its end and settle it. Never raises."""
    if not attempt.begin():
        return
    try:
        close_old_connections()
        outcome = _run(attempt, children)
    except BaseException as error:  # noqa: BLE001  (the attempt must end, whatever went wrong)
        outcome = outcome_of_error(attempt.claim, error)
    _close(attempt)
    try:
        close_old_connections()
    except Exception:
        logger.exception("A connection could not be closed.")
    if outcome is not None:
        attempt.settle(release_if_newer_code(outcome))


def _close(attempt: Attempt) -> None:
    try:
        attempt.close()
    except Exception:
        logger.exception("What a task has left behind could not be removed.")


def _run(attempt: Attempt, children: TaskProcessPool) -> Outcome | None:
    claim = attempt.claim
    try:
        task = load_task(claim.task, claim.module_path)
    except JobsError as error:
        return could_not_begin(claim, error)
    needs_files = isinstance(task, JobTask) and task.spec.takes_files
    try:
        files = file_infos(claim.id) if needs_files else {}
    except DatabaseError as error:
        # Not the task's fault. It waits until outcomes can be written again, so this is no loop.
        return released(claim, f"its files could not be looked up: {error}")
    if has_receivers(task_started):
        _send_signal(task_started, attempt, task, None)
    outcome = _run_somewhere(attempt, task, files, children)
    if outcome is not None and has_receivers(task_finished):
        _send_signal(task_finished, attempt, task, outcome)
    return outcome


def _run_somewhere(
    attempt: Attempt, task: Task[..., Any], files: Mapping[str, FileInfo], children: TaskProcessPool
) -> Outcome | None:
    # A job that was running when its consumer died may have killed it: it gets a process of its
    # own, so that it cannot end the other jobs of a consumer again.
    suspect = attempt.claim.lost_count > 0
    if suspect or getattr(task, "executor", "thread") == "process":
        attempt.runs_in_child = True
        return children.run(attempt, files, alone=suspect)
    try:
        call = bind_call(attempt.claim, task, attempt, files=files, consumer=attempt.consumer)
    except JobsError as error:
        return could_not_begin(attempt.claim, error)
    attempt.start_time_limit()
    run = _run_on_the_loop if inspect.iscoroutinefunction(task.func) else _run_here
    return run(attempt, call)


def _run_here(attempt: Attempt, call: partial[Any]) -> Outcome:
    token = current_attempt.set(attempt)
    attempt.runs_in_thread = True
    try:
        return outcome_of_value(attempt.claim, call(), attempt)
    except BaseException as error:  # noqa: BLE001  (SystemExit too ends the task, not the thread)
        return outcome_of_task_error(attempt.claim, error)
    finally:
        current_attempt.reset(token)


def _run_on_the_loop(attempt: Attempt, call: partial[Any]) -> Outcome:
    claim = attempt.claim
    try:
        return outcome_of_value(claim, run_coroutine(attempt, call()), attempt)
    except asyncio.CancelledError as error:
        attempt.left_behind = abandon_if_stuck()
        by = attempt.cancelled_by()
        return outcome_of_error(claim, error) if by is None else cancelled(claim, by)
    except TimeLimit:
        attempt.left_behind = abandon_if_stuck()
        return timed_out(claim)
    except BaseException as error:  # noqa: BLE001  (as above)
        return outcome_of_task_error(claim, error)


def _send_signal(
    signal: Any, attempt: Attempt, task: Task[..., Any], outcome: Outcome | None
) -> None:
    """Send Django's signal; a listener that fails must not fail the job."""
    result = running_result(attempt.claim, task, attempt.consumer)
    if outcome is not None:
        succeeded = outcome.outcome == AttemptOutcome.SUCCEEDED
        status = TaskResultStatus.SUCCESSFUL if succeeded else TaskResultStatus.FAILED
        object.__setattr__(result, "status", status)
        object.__setattr__(result, "_return_value", outcome.result)
        if not succeeded:
            error = TaskError(exception_class_path=outcome.error_type, traceback=outcome.traceback)
            result.errors.append(error)
    signal.send_robust(sender=type(task_backends[task.backend]), task_result=result)
