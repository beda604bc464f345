"""Running one attempt: find the task, bind its arguments, call it where it belongs."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from django.db import DatabaseError, close_old_connections

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
from jobs.core.states import AttemptOutcome
from jobs.errors import JobsError
from jobs.submission.uploads import file_infos

from .attempt import Attempt, current
from .call import Call, Order, prepare, running_result
from .deploy_skew import release_if_newer_code
from .event_loop import TimeLimit, abandon_if_stuck, run_coroutine
from .process_pool import ProcessPool
from .result import Answer, answer_error, answer_unfit, answer_value, cancelled, released, timed_out

logger = logging.getLogger("jobs")


def run_attempt(attempt: Attempt, children: ProcessPool) -> None:
    """Run an attempt to its end and settle it. Never raises."""
    if not attempt.begin():
        return
    try:
        close_old_connections()
        answer = _run(attempt, children)
    except BaseException as error:  # noqa: BLE001  (the attempt must end, whatever went wrong)
        answer = answer_error(error)
    try:
        close_old_connections()
    except Exception:
        logger.exception("A connection could not be closed.")
    if answer is not None:
        attempt.settle(release_if_newer_code(answer, attempt.claim))


def _run(attempt: Attempt, children: ProcessPool) -> Answer | None:
    claim = attempt.claim
    try:
        task = load_task(claim.task, claim.module_path)
    except JobsError as error:
        return answer_unfit(error)
    needs_files = isinstance(task, JobTask) and task.spec.takes_files
    try:
        files = file_infos(claim.id) if needs_files else {}
    except DatabaseError as error:
        # Not the task's fault. It waits until outcomes can be written again, so this is no loop.
        return released(f"its files could not be looked up: {error}")
    order = Order.of(claim, files, attempt.consumer)
    if has_receivers(task_started):
        _signal(task_started, order, task, None)
    answer = _run_somewhere(attempt, order, task, children)
    if answer is not None and has_receivers(task_finished):
        _signal(task_finished, order, task, answer)
    return answer


def _run_somewhere(
    attempt: Attempt, order: Order, task: Task[..., Any], children: ProcessPool
) -> Answer | None:
    # What was running when a worker died may have killed it: it gets a process of its own, so
    # that it cannot take its neighbours along again.
    suspect = attempt.claim.lost_count > 0
    if suspect or getattr(task, "executor", "thread") == "process":
        return children.run(attempt, order, alone=suspect)
    try:
        call = prepare(order, task, attempt)
    except JobsError as error:
        return answer_unfit(error)
    attempt.limit_time()
    return _run_coroutine(attempt, call) if call.is_coroutine else _run_here(attempt, call)


def _run_here(attempt: Attempt, call: Call) -> Answer:
    token = current.set(attempt)
    attempt.in_thread = True
    try:
        return answer_value(call(), attempt)
    except BaseException as error:  # noqa: BLE001  (SystemExit too ends the task, not the thread)
        return answer_error(error)
    finally:
        current.reset(token)


def _run_coroutine(attempt: Attempt, call: Call) -> Answer:
    try:
        return answer_value(run_coroutine(attempt, call()), attempt)
    except asyncio.CancelledError as error:
        attempt.left_behind = abandon_if_stuck()
        by = attempt.cancelled_by()
        return answer_error(error) if by is None else cancelled(by)
    except TimeLimit:
        attempt.left_behind = abandon_if_stuck()
        return timed_out(attempt.claim.timeout or 0.0)
    except BaseException as error:  # noqa: BLE001  (as above)
        return answer_error(error)


def _signal(signal: Any, order: Order, task: Task[..., Any], answer: Answer | None) -> None:
    """Send Django's signal; a listener that fails must not fail the job."""
    result = running_result(order, task)
    if answer is not None:
        succeeded = answer.ending == AttemptOutcome.SUCCEEDED
        status = TaskResultStatus.SUCCESSFUL if succeeded else TaskResultStatus.FAILED
        object.__setattr__(result, "status", status)
        object.__setattr__(result, "_return_value", answer.result)
        if not succeeded:
            error = TaskError(exception_class_path=answer.error_type, traceback=answer.traceback)
            result.errors.append(error)
    signal.send_robust(sender=type(task_backends[task.backend]), task_result=result)
