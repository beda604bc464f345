"""``contextlib.redirect_stdout`` in a task redirects this task, not the whole process.

Python's own replaces ``sys.stdout`` for every thread. Two jobs that overlap would write into each
other's targets, and the one that ends last would put back the target of the other for good.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

from .output_sink import OutputSink, current_sink
from .replaced import replaced
from .task_streams import RoutedStream

_Entered = tuple[RoutedStream, OutputSink] | None


@contextmanager
def redirects_limited() -> Iterator[None]:
    """Within it, a task's redirections of the standard streams concern its own output alone."""
    with ExitStack() as stack:
        for kind in (contextlib.redirect_stdout, contextlib.redirect_stderr):
            stack.enter_context(_limited(kind))
        yield


@contextmanager
def _limited(kind: Any) -> Iterator[None]:
    enter, leave = kind.__enter__, kind.__exit__

    @wraps(enter)
    def enter_for_task(self: Any) -> Any:
        stream, sink = getattr(sys, self._stream), current_sink()
        entered: list[_Entered] = vars(self).setdefault("_jobs_entered", [])
        if sink is None or not isinstance(stream, RoutedStream):
            entered.append(None)
            return enter(self)
        entered.append((stream, sink))
        stream.push_target(sink, self._new_target)
        return self._new_target

    @wraps(leave)
    def leave_for_task(self: Any, *error: Any) -> Any:
        entered = self._jobs_entered.pop() if vars(self).get("_jobs_entered") else None
        if entered is None:
            return leave(self, *error)
        stream, sink = entered
        stream.pop_target(sink)
        return None

    with replaced(kind, "__enter__", enter_for_task), replaced(kind, "__exit__", leave_for_task):
        yield
