"""One task that is a coroutine, from its start to its end, on the loop that all of them share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext

from jobs.errors import CannotStart

from .attempt import Attempt
from .calls import CallsForOneThread
from .capture import current_attempt
from .event_loop import LoopThread, abandon, current_owner, loop_thread
from .forks import leave_if_forked

END_SECONDS = 2.0
"""How long a coroutine that was told to end may take for it, as a child process may."""


class TimeLimit(Exception):
    """The coroutine took longer than its job's time limit."""


def run_coroutine(attempt: Attempt, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end, its time limit or its cancellation; return its value.

    What it hands to ``sync_to_async``, as Django's ORM does, runs on the calling thread: it uses
    that thread's database connections, which are in order before and after each job.

    Raises:
        TimeLimit: it took longer than its time limit; it was cancelled.
        asyncio.CancelledError: someone cancelled the job.
        CannotStart: there is no loop to run it on.
        BaseException: what the coroutine raised, or one that it has started beside it.
    """
    try:
        thread = loop_thread()
    except CannotStart:
        coroutine.close()
        raise
    run = CoroutineRun(attempt, coroutine, thread)
    thread.call(run.start)
    attempt.on_cancel(run.cancel)
    return run.wait()


class CoroutineRun:
    """A coroutine and the thread that waits for it."""

    def __init__(
        self, attempt: Attempt, coroutine: Coroutine[Any, Any, Any], thread: LoopThread
    ) -> None:
        self._attempt = attempt
        self._coroutine = coroutine
        self._thread = thread
        self._calls = CallsForOneThread(self._note_busy)
        self._sync_context = ThreadSensitiveContext()
        self._task: asyncio.Task[None] | None = None
        self._started_beside: set[asyncio.Task[Any]] = set()
        self._value: Any = None
        self._error: BaseException | None = None
        self._told_to_end = False
        self._left_some = False

    # The waiting thread.

    def wait(self) -> Any:
        """Wait for the end; see ``run_coroutine``."""
        if self._calls.wait_until(self._attempt.deadline):
            self._attempt.left_behind = self._left_some
            if self._error is not None:
                raise self._error
            return self._value
        # What it does at its end may need this thread.
        self.cancel()
        ended = self._calls.wait_until(None)
        self._attempt.left_behind = self._left_some or not ended
        if not (ended or self._told_to_end):
            abandon(self._thread)  # it never awaits, and keeps all others from running
        if self._attempt.cancelled_by() is not None:
            raise asyncio.CancelledError
        raise TimeLimit

    def cancel(self) -> None:
        """Have it end, and ``wait`` too: when it does not end in time, it is left behind."""
        self._thread.call(self._cancel)
        self._calls.give_up_in(END_SECONDS)

    def _note_busy(self, busy: bool) -> None:
        # A call that takes too long is like a task in a thread: nothing can end it.
        self._attempt.runs_in_thread = busy

    # The loop's thread.

    def start(self) -> None:
        """Begin."""
        self._thread.owners.add(self)
        self._task = self._thread.loop.create_task(self._run())
        self._task.add_done_callback(self._ended)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Note that it has started another coroutine."""
        self._started_beside.add(task)
        task.add_done_callback(self._started_beside.discard)

    def fail_if_own(self, error: BaseException) -> bool:
        """Fail the job if a coroutine that it has started raised this."""
        own = any(
            task.done() and not task.cancelled() and task.exception() is error
            for task in self._started_beside
        )
        if own:
            self._error = error
            self._cancel()
        return own

    async def _run(self) -> None:
        current_owner.set(self)
        current_attempt.set(self._attempt)
        # The entering of that context makes a thread; here is one that waits anyway.
        SyncToAsync.thread_sensitive_context.set(self._sync_context)
        SyncToAsync.context_to_thread_executor[self._sync_context] = self._calls
        try:
            self._value = await self._coroutine
        except BaseException as error:  # noqa: BLE001  (SystemExit too ends the task, not the loop)
            self._error = self._error or error
        leave_if_forked(self._error)
        await self._end_what_was_started()

    async def _end_what_was_started(self) -> None:
        """Cancel what still runs beside it, as ``asyncio.run`` does."""
        started = [task for task in self._started_beside if not task.done()]
        for task in started:
            task.cancel()
        if started:
            _, left = await asyncio.wait(started, timeout=END_SECONDS)
            self._left_some = bool(left)

    def _cancel(self) -> None:
        self._told_to_end = True
        if self._task is not None:
            self._task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():  # before its first step, or while it ended what it had started
            self._error = self._error or asyncio.CancelledError()
            self._coroutine.close()
        self._thread.owners.discard(self)
        self._thread.tidy(new_workers=self._told_to_end or self._left_some)
        self._calls.shutdown()
