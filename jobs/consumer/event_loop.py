"""One event loop a process for the tasks that are coroutines."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any

from .attempt import Attempt
from .capture import current_attempt


class TimeLimit(Exception):
    """The coroutine took longer than its job's time limit."""


STUCK_SECONDS = 2.0

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="coroutines", daemon=True).start()
        return _loop


def run_coroutine(attempt: Attempt, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end, its time limit or its cancellation; return its value.

    Raises:
        TimeLimit: it took longer than its time limit; it was cancelled.
        asyncio.CancelledError: someone cancelled the job.
    """

    async def with_output_captured() -> Any:
        current_attempt.set(attempt)
        return await coroutine

    future = asyncio.run_coroutine_threadsafe(with_output_captured(), _running_loop())
    attempt.on_cancel(future.cancel)
    done, _ = concurrent.futures.wait([future], attempt.claim.timeout)
    if not done:
        future.cancel()
        raise TimeLimit
    try:
        return future.result()
    except concurrent.futures.CancelledError as error:
        raise asyncio.CancelledError from error


def abandon_if_stuck() -> bool:
    """Whether a coroutine blocks the loop; the next ones then get another loop.

    A coroutine that never awaits cannot be ended, and would keep all others from running.
    """
    global _loop
    with _lock:
        loop = _loop
    if loop is None:
        return False
    responded = threading.Event()
    loop.call_soon_threadsafe(responded.set)
    if responded.wait(STUCK_SECONDS):
        return False
    with _lock:
        if _loop is loop:
            _loop = None
    return True
