"""Running one claim here: in this thread, in the transaction of the test."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any, Final

from asgiref.sync import async_to_sync

from jobs.brokers.registry import silenced
from jobs.compat import Task
from jobs.consumer.attempt import Attempt
from jobs.consumer.capture import captured, current_attempt
from jobs.consumer.outcomes import cancelled, outcome_of_task_error, outcome_of_value, timed_out
from jobs.consumer.watching import is_watched, watched_attempt
from jobs.core.states import AttemptOutcome
from jobs.lifecycle import Outcome

from .autocommit import autocommit

CONSUMER: Final = "test"
"""What attempts have for their consumer, where people read it."""
ENDS_A_TASK: Final = (Exception, SystemExit, GeneratorExit, asyncio.CancelledError)
"""What fails an attempt. Ctrl-C, and pytest's own ways to end a test, end the test."""
UNWIND_SECONDS: Final = 2.0
"""So long a coroutine may take to end after it was cancelled."""
_asked_by: ContextVar[str | None] = ContextVar("jobs_testing_cancel", default=None)


class TimeLimit(Exception):
    """The coroutine took longer than its job's time limit."""


class TaskFailed(AssertionError):
    """A task failed without an exception of its own (it took too long, its result is no JSON)."""


@dataclass(frozen=True, slots=True)
class Ran:
    """An attempt that ended, and what the task raised."""

    attempt: Attempt
    outcome: Outcome
    error: BaseException | None = None

    def exception(self, log: str) -> BaseException | None:
        """Return what to raise in the test, with the job's log as a note; None if all is well."""
        if self.outcome.outcome == AttemptOutcome.SUCCEEDED:
            return None
        found = self.error or TaskFailed(f"{self.outcome.error_type}: {self.outcome.message}")
        if log:
            found.add_note(f"The log of {self.outcome.claim.task}:\n{log}")
        return found


_environment = ExitStack()
_users = 0
_lock = threading.Lock()


@contextmanager
def running_tasks() -> Iterator[None]:
    """Put what tasks print into their logs, and notify nobody of what they enqueue.

    A task may run another (``EagerBackend``), and so may several threads: the first to come sets it
    up, the last to go takes it down.
    """
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            _environment.enter_context(captured())
            _environment.enter_context(silenced())
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _environment.close()


@contextmanager
def cancel_requested(by: str = "test") -> Iterator[None]:
    """Let the tasks that run inside the block find that someone asked for their cancel."""
    token = _asked_by.set(by)
    try:
        yield
    finally:
        _asked_by.reset(token)


def run_call(attempt: Attempt, task: Task[..., Any], call: Callable[[], Any]) -> Ran:
    """Call a task's function and return how the attempt ended; the attempt is not settled yet.

    A coroutine runs on an event loop of its own; what it does with the ORM, it does in this thread.
    A time limit does not interrupt a function: when it returns too late, its attempt has timed out.
    """
    claim = attempt.claim
    attempt.begin()
    by = _asked_by.get()
    if by is not None:
        attempt.request_cancel(by)
    token = current_attempt.set(attempt)
    error: BaseException | None = None
    try:
        with autocommit(), _scope(attempt):
            value = _await(attempt, call) if inspect.iscoroutinefunction(task.func) else call()
            outcome = outcome_of_value(claim, value, attempt)
    except ENDS_A_TASK as raised:
        error = raised
        outcome = _outcome_of(attempt, raised)
    finally:
        current_attempt.reset(token)
        attempt.close()
    if isinstance(error, TimeLimit) or _is_late(attempt):
        return Ran(attempt, timed_out(claim))
    return Ran(attempt, outcome, error)


@contextmanager
def _scope(attempt: Attempt) -> Iterator[None]:
    """Keep apart what a tracker or a tracer sees of a job, as a consumer does."""
    if not is_watched():
        yield
        return
    with watched_attempt(attempt):
        try:
            yield
        finally:
            # What the task has set there belongs to the record of its failure.
            attempt.context = copy_context()


def _is_late(attempt: Attempt) -> bool:
    limit = attempt.claim.timeout
    return limit is not None and attempt.seconds >= limit


def _outcome_of(attempt: Attempt, error: BaseException) -> Outcome:
    by = attempt.cancelled_by()
    if isinstance(error, asyncio.CancelledError) and by is not None:
        return cancelled(attempt.claim, by)
    return outcome_of_task_error(attempt.claim, error)


def _await(attempt: Attempt, call: Callable[[], Any]) -> Any:
    """Run a coroutine to its end or its time limit; return its value.

    Raises:
        TimeLimit: it took longer than its time limit; it was cancelled.
        BaseException: what the coroutine raised.
    """
    raised: list[BaseException] = []

    async def body() -> Any:
        # What is raised is passed on by hand: SystemExit would stop the event loop.
        try:
            return await call()
        except ENDS_A_TASK as error:
            raised.append(error)
            return None

    async def limited() -> Any:
        loop, running = asyncio.get_running_loop(), asyncio.ensure_future(body())
        attempt.on_cancel(lambda: loop.call_soon_threadsafe(running.cancel))
        await asyncio.wait({running}, timeout=attempt.claim.timeout)
        if not running.done():
            running.cancel()
            await asyncio.wait({running}, timeout=UNWIND_SECONDS)
            raise TimeLimit
        return running.result()

    # Django's own way to run an async test: the ORM's part comes back to this thread.
    value = async_to_sync(limited)()
    if raised:
        raise raised[0]
    return value
