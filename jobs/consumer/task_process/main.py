"""A child process that runs one task at a time: ``python -m jobs.consumer.task_process.main``.

It receives claims on standard input and sends outcomes to standard output (``child_protocol``). It
exits when its input ends, because its parent is gone then.
"""

from __future__ import annotations

import gc
import json
import os
import signal

from jobs.consumer.shutdown import take_standard_input


def main() -> None:
    """Run what the parent sends until its pipe ends."""
    _leave_signals_to_the_parent()
    requests, replies = _take_pipes()
    _set_up_django()
    # Only now: it imports models, which need the apps. It must not import this module, which runs
    # as ``__main__`` and would be loaded twice.
    from .run import run_until_parent_ends

    run_until_parent_ends(requests, replies)


def _leave_signals_to_the_parent() -> None:
    """Ignore Ctrl-C, which reaches a whole terminal, and a service manager's SIGTERM, which reaches
    a whole group of processes: the parent decides how a running task ends.

    A handler that does nothing, because SIG_IGN would be inherited by what a task starts.
    """
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, frame: None)


def _set_up_django() -> None:
    """Load the project, with the databases of the parent process: a test has others than the
    settings name."""
    import django
    from django.db import connections

    from .protocol import DATABASE_NAMES

    for alias, name in json.loads(os.environ.get(DATABASE_NAMES, "{}")).items():
        if alias in connections.settings:
            connections.settings[alias]["NAME"] = name
    # Imports make no garbage: it is not looked for while they run, which takes a seventh of the
    # start, nor afterwards in what they have made.
    gc.disable()
    try:
        django.setup()
    finally:
        gc.freeze()
        gc.enable()


def _take_pipes() -> tuple[int, int]:
    """Return copies of standard input and output, which no program that a task starts inherits.

    Standard output goes to standard error: what C code prints must not end up between our messages.
    """
    requests, replies = take_standard_input(), os.dup(1)
    os.dup2(2, 1)
    return requests, replies


if __name__ == "__main__":
    main()
elif __name__ == "__mp_main__":
    # A process that a task has started by multiprocessing loads this module by that name, before it
    # loads the task's own, which may need the project's models.
    _set_up_django()
