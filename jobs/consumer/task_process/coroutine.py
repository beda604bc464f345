"""A task that is a coroutine, in a child process: it has an event loop for itself."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from asgiref.sync import async_to_sync

from jobs.consumer.event_loop import NO_LOOP
from jobs.core.shortages import shortage
from jobs.errors import CannotStart


def run_to_end(call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine to its end; return its value.

    asgiref's way: the loop runs on another thread, and Django's ORM on this one, whose connections
    are in order before and after each job.

    Raises:
        CannotStart: the system gives no thread, or no files, for a loop; nothing of it has run.
        BaseException: what the coroutine raised.
    """
    has_begun = False

    async def begin() -> Any:
        nonlocal has_begun
        has_begun = True
        return await call()

    try:
        return async_to_sync(begin)()
    except (OSError, RuntimeError, MemoryError) as error:
        why = shortage(error)
        if has_begun or not why:
            raise
        raise CannotStart(NO_LOOP, why) from error
