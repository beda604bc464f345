"""A child process that runs one task at a time: ``python -m jobs.consumer.task_process.main``.

It receives claims on standard input and sends outcomes to standard output (``child_protocol``). It
exits when its input ends, because its parent is gone then.
"""

from __future__ import annotations

import os
import signal
from typing import BinaryIO


def main() -> None:
    """Run what the parent sends until its pipe ends."""
    _leave_signals_to_the_parent()
    output = _take_standard_output()
    import django

    django.setup()
    # Only now: it imports models, which need the apps. It must not import this module, which runs
    # as ``__main__`` and would be loaded twice.
    from .run import run_until_parent_ends

    run_until_parent_ends(output)


def _leave_signals_to_the_parent() -> None:
    """Ignore Ctrl-C, which reaches a whole terminal, and a service manager's SIGTERM, which reaches
    a whole group of processes: the parent decides how a running task ends.

    A handler that does nothing, because SIG_IGN would be inherited by what a task starts.
    """
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, frame: None)


def _take_standard_output() -> BinaryIO:
    """Return a copy of standard output and point the real one to standard error: what C code prints
    must not end up between our messages."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return out


if __name__ == "__main__":
    main()
