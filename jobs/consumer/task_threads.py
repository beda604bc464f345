"""The threads that a task starts write to its job's log.

A new thread begins with an empty context before Python 3.14, and a pool's thread with that of
whoever came first. So the start of a thread and the submission to a pool note which task asked.
That costs 0.1 us each (a thread takes 60 us to start), and code that starts no threads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import wraps
from threading import Thread
from typing import Any, Final

from .output_sink import OutputSink, current_attempt, current_sink
from .replaced import replaced

_SHARED: Final = "_jobs_runs_for_tasks"
"""Marks a pool that a task has used: its threads keep the last caller's context."""


@contextmanager
def threads_followed() -> Iterator[None]:
    """Within it, what runs in a thread of a task, or in any pool for it, writes to its job's log.

    When the attempt has ended, its threads write where everything outside a task goes.
    """
    start = Thread.start
    submit: Callable[..., Any] = ThreadPoolExecutor.submit

    @wraps(start)
    def start_for_task(self: Thread) -> None:
        sink = current_sink()
        if sink is not None:
            # On the object, because a subclass may have a ``run`` of its own.
            self.run = _bound(sink, self.run)  # type: ignore[method-assign]
        start(self)

    @wraps(submit)
    def submit_for_task(
        self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Any:
        sink = current_sink()
        if sink is None and not hasattr(self, _SHARED):
            return submit(self, fn, *args, **kwargs)
        setattr(self, _SHARED, True)
        # The pool's thread that this may start is nobody's: another task's call may run in it.
        token = current_attempt.set(None)
        try:
            return submit(self, _bound(sink, fn), *args, **kwargs)
        finally:
            current_attempt.reset(token)

    with ExitStack() as stack:
        stack.enter_context(replaced(Thread, "start", start_for_task))
        stack.enter_context(replaced(ThreadPoolExecutor, "submit", submit_for_task))
        yield


def _bound(sink: OutputSink | None, function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        # Not reset afterwards: a future's callbacks run in this thread, after this function.
        current_attempt.set(sink)
        return function(*args, **kwargs)

    return run
