"""Running one attempt: find the task, bind its arguments, call it in a thread, on the event loop
or in a child process."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import DatabaseError

from jobs.catalog.input_file import FileInfo
from jobs.catalog.registry import load_task
from jobs.catalog.task import JobTask
from jobs.compat import Task, has_receivers, task_started
from jobs.consumer.task_process.pool import TaskProcessPool
from jobs.core.request_ids import set_request_id
from jobs.errors import JobsError
from jobs.lifecycle import Outcome
from jobs.submission.signals import send
from jobs.submission.uploads import file_infos

from . import forks
from .attempt import Attempt
from .call import bind_call, running_result
from .capture import current_attempt
from .connections import TaskConnections
from .coroutine import TimeLimit, run_coroutine
from .deploy_skew import release_if_newer_code
from .outcomes import (
    cancelled,
    could_not_begin,
    outcome_before_start,
    outcome_of_error,
    outcome_of_task_error,
    outcome_of_value,
    released,
    timed_out,
)
from .task_streams import put_back_streams
from .watching import is_watched, watched_attempt

logger = logging.getLogger("jobs")


def run_attempt(attempt: Attempt, children: TaskProcessPool) -> None:
    """Run an attempt to its end and settle it. Never raises."""
    if attempt.begin():
        # What a task sets in its context (a language, a time zone, decimal's precision) goes with
        # it. That takes 0.1 us.
        attempt.context = contextvars.copy_context()
        attempt.context.run(_run_in_scope, attempt, children)


def _run_in_scope(attempt: Attempt, children: TaskProcessPool) -> None:
    if attempt.claim.request_id is not None:
        set_request_id(attempt.claim.request_id)
    if not is_watched():
        _run_to_its_end(attempt, children)
        return
    with watched_attempt(attempt):
        _run_to_its_end(attempt, children)


def _run_to_its_end(attempt: Attempt, children: TaskProcessPool) -> None:
    outcome: Outcome | None
    connections: TaskConnections | None = None
    try:
        connections = TaskConnections()
        outcome = _run(attempt, children, connections)
    except BaseException as error:  # noqa: BLE001  (the attempt must end, whatever went wrong)
        outcome = outcome_before_start(attempt.claim, error)
    put_back_streams()
    _close(attempt)
    try:
        if connections is not None:
            connections.tidy()
    except Exception:
        logger.exception("A connection could not be closed.")
    if outcome is not None:
        attempt.settle(release_if_newer_code(outcome))


def _close(attempt: Attempt) -> None:
    try:
        attempt.close()
    except Exception:
        logger.exception("What a task has left behind could not be removed.")


def _run(
    attempt: Attempt, children: TaskProcessPool, connections: TaskConnections
) -> Outcome | None:
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
    if has_receivers(task_started, logging.INFO):
        send(task_started, running_result(claim, task, attempt.consumer))
    return _run_somewhere(attempt, task, files, children, connections)


def _run_somewhere(
    attempt: Attempt,
    task: Task[..., Any],
    files: Mapping[str, FileInfo],
    children: TaskProcessPool,
    connections: TaskConnections,
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
    if inspect.iscoroutinefunction(task.func):
        return _run_on_the_loop(attempt, call, connections)
    return _run_here(attempt, call, connections)


def _run_here(attempt: Attempt, call: partial[Any], connections: TaskConnections) -> Outcome:
    token = current_attempt.set(attempt)
    attempt.runs_in_thread = True
    try:
        value = call()
        forks.leave_if_forked()
        connections.refuse_open_transactions()
        return outcome_of_value(attempt.claim, value, attempt)
    except BaseException as error:  # noqa: BLE001  (SystemExit too ends the task, not the thread)
        forks.leave_if_forked(error)
        return outcome_of_task_error(attempt.claim, error)
    finally:
        current_attempt.reset(token)


def _run_on_the_loop(attempt: Attempt, call: partial[Any], connections: TaskConnections) -> Outcome:
    claim = attempt.claim
    try:
        value = run_coroutine(attempt, call())
        connections.refuse_open_transactions()
        return outcome_of_value(claim, value, attempt)
    except asyncio.CancelledError as error:
        # One that nobody asked for is the task's own: a failure.
        by = attempt.cancelled_by()
        return outcome_of_error(claim, error) if by is None else cancelled(claim, by)
    except TimeLimit:
        return timed_out(claim)
    except BaseException as error:  # noqa: BLE001  (as above)
        return outcome_of_task_error(claim, error)
