"""While a process consumes, what a task prints and logs is kept with its job.

Outside a task nothing changes: streams, handlers and levels are the project's. What another process
writes (a command that a task starts, a child that it forks) goes where this process's own output
goes, because it inherits the descriptors, not these objects.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from jobs.conf import get_conf

from .output_sink import current_attempt
from .task_logging import log_records_kept
from .task_redirects import redirects_limited
from .task_streams import streams_routed
from .task_threads import threads_followed

__all__ = ["captured", "current_attempt"]

_installed: ExitStack | None = None


@contextmanager
def captured() -> Iterator[None]:
    """Within it, output of this process's tasks goes to ``current_attempt``."""
    global _installed
    with ExitStack() as stack:
        stack.enter_context(streams_routed())
        stack.enter_context(redirects_limited())
        stack.enter_context(log_records_kept(get_conf().log_level_number))
        stack.enter_context(threads_followed())
        _installed = stack
        yield


def _leave_to_the_parent() -> None:
    """In a forked child: its copy of the attempt is read by nobody, and its locks may be held by
    threads that do not exist here."""
    global _installed
    current_attempt.set(None)
    if _installed is not None:
        _installed.close()
        _installed = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_the_parent)
