"""Calls that are handed to a thread which waits for them."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any


class CallsForOneThread(Executor):
    """Runs calls, from any thread, on the thread that is in ``wait_until``; one at a time.

    Args:
        note_busy: called on that thread, with True before each call and with False after it.
    """

    def __init__(self, note_busy: Callable[[bool], object]) -> None:
        self._note_busy = note_busy
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._closed = False
        self._give_up_at = math.inf

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a call run.

        Raises:
            RuntimeError: nobody waits for calls any more.
        """
        if self._closed:
            raise RuntimeError("The job has ended: its thread runs nothing more for it.")
        future: Future[Any] = Future()
        self._calls.put(partial(_run, future, fn, args, kwargs))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End ``wait_until``; what has not begun by then is dropped."""
        self._closed = True
        self._calls.put(None)

    def give_up_in(self, seconds: float) -> None:
        """Have ``wait_until`` end within so many seconds, whatever it was called with."""
        self._give_up_at = time.monotonic() + seconds
        self._calls.put(None)

    def wait_until(self, deadline: float | None) -> bool:
        """Run calls until ``shutdown``; return False when that did not come by ``deadline``.

        Args:
            deadline: by the monotonic clock; None for none.
        """
        end = math.inf if deadline is None else deadline
        while not self._closed:
            until = min(end, self._give_up_at)
            left = None if until == math.inf else until - time.monotonic()
            if left is not None and left <= 0:
                return False
            with contextlib.suppress(Empty):
                self._run(self._calls.get(timeout=left))
        return True

    def _run(self, call: Callable[[], None] | None) -> None:
        if call is None:
            return
        self._note_busy(True)
        try:
            call()
        finally:
            self._note_busy(False)


def _run(
    future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        value = fn(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001  (raised where the call was made)
        future.set_exception(error)
    else:
        future.set_result(value)
