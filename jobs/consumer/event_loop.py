"""The event loop that the coroutines of a process share, and the thread that keeps it running."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, Final, Protocol

from jobs.core.shortages import shortage
from jobs.errors import CannotStart

from .connections import TaskConnections

logger = logging.getLogger("jobs")

NO_LOOP: Final = "no event loop could be started for the task"


class Owner(Protocol):
    """What runs on the loop for one job."""

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Note that the job's coroutine has started another."""

    def fail_if_own(self, error: BaseException) -> bool:
        """Fail the job if a coroutine that it has started raised this; return whether it did."""


current_owner: ContextVar[Owner | None] = ContextVar("jobs_coroutine", default=None)
"""For whom the running coroutine runs."""


class Workers(ThreadPoolExecutor):
    """What ``asyncio.to_thread`` uses: as asyncio's own, with the database connections in order."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a call run on one of the threads."""
        return super().submit(_with_connections, fn, args, kwargs)


def _with_connections(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    connections = TaskConnections()
    try:
        value = fn(*args, **kwargs)
        connections.refuse_open_transactions()
    finally:
        connections.tidy()
    return value


class LoopThread:
    """An event loop on a thread of its own, which no task can end."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.owners: set[Owner] = set()
        self.must_be_replaced = False
        self._closing = False
        self.tidy(new_workers=True)
        self._thread = threading.Thread(target=self._run, name="coroutines", daemon=True)
        try:
            self._thread.start()
        except BaseException:
            self.loop.close()  # it has files open
            raise

    def call(self, function: Callable[[], object]) -> None:
        """Call a function on the loop's thread, soon."""
        self.loop.call_soon_threadsafe(function)

    def tidy(self, *, new_workers: bool) -> None:
        """Undo what a task may have set on the loop.

        Args:
            new_workers: give ``asyncio.to_thread`` other threads: those there are may be stuck in
                what a job that was ended has begun.
        """
        loop = self.loop
        if loop.get_task_factory() is not _make_task:
            loop.set_task_factory(_make_task)
        if loop.get_exception_handler() is not None:
            loop.set_exception_handler(None)
        if new_workers:
            loop.set_default_executor(Workers(thread_name_prefix="asyncio"))
        # A loop whose ``shutdown_default_executor`` was awaited never runs ``to_thread`` again.
        self.must_be_replaced = getattr(loop, "_executor_shutdown_called", False)

    def close(self, seconds: float) -> None:
        """End the loop and its thread; it waits so long for a coroutine that blocks it."""
        self._closing = True
        self.call(self.loop.stop)
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self.loop.is_closed():
            try:
                # It returns when a task calls ``loop.stop``. What was ready to run stays ready.
                self.loop.run_forever()
            except BaseException as error:  # noqa: BLE001
                # asyncio lets SystemExit and KeyboardInterrupt out, also from a coroutine that a
                # task has started beside its own.
                self._blame(error)
            if self._closing:
                self.loop.close()

    def _blame(self, error: BaseException) -> None:
        if not any(owner.fail_if_own(error) for owner in list(self.owners)):
            logger.error("A callback on the event loop raised this.", exc_info=error)


def _make_task(
    loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
    owner = current_owner.get()
    if owner is not None:
        owner.adopt(task)
    return task


_lock = threading.Lock()
_current: LoopThread | None = None


def loop_thread() -> LoopThread:
    """Return the loop for new coroutines; it is started when it is needed.

    Raises:
        CannotStart: the system gives no thread, or no files, for it.
    """
    global _current
    with _lock:
        if _current is None or _current.must_be_replaced or _current.loop.is_closed():
            try:
                _current = LoopThread()
            except (OSError, RuntimeError, MemoryError) as error:
                why = shortage(error) or str(error)
                raise CannotStart(NO_LOOP, why) from error
        return _current


def abandon(thread: LoopThread) -> None:
    """Have new coroutines run on another loop: a coroutine blocks this one and cannot be ended."""
    global _current
    with _lock:
        if _current is thread:
            _current = None


def close_loop(seconds: float) -> None:
    """End the loop of this process, if it has one."""
    global _current
    with _lock:
        thread, _current = _current, None
    if thread is not None:
        thread.close(seconds)
