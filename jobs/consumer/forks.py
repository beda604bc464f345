"""Processes that a task forks: they run the task's code, and none of ours."""

from __future__ import annotations

import concurrent.futures.thread
import contextlib
import os
import signal
import sys
import threading
import traceback
from typing import Any, Final

from django.db import connections

from .capture import current_attempt

_CLOSED_IN_FORKS: Final[list[int]] = []
_INHERITED: Final[list[Any]] = []
"""Kept, because the end of a connection would tell the server, on a socket that is another's."""
_held = threading.local()
_watching = _registered = False
_forked = False


def watch(*descriptors: int) -> None:
    """From now on, prepare each process that is forked: only tasks fork in a consumer process.

    It gets database connections of its own, and what it prints goes where the consumer's own output
    goes: it could not take turns with the process that it comes from.

    Args:
        descriptors: what it is not to hold open.
    """
    global _watching, _registered, _forked
    _CLOSED_IN_FORKS.extend(descriptors)
    _forked = False
    if hasattr(os, "register_at_fork") and not _registered:
        os.register_at_fork(
            before=_hold_signals, after_in_parent=_deliver_signals, after_in_child=_prepare
        )
    _watching = _registered = True


def end_watch() -> None:
    """Leave alone what is forked from now on: the process goes on without its consumer."""
    global _watching
    _watching = False


def _hold_signals() -> None:
    """Let no SIGTERM come to a process that is being forked before it has a handler of its own."""
    if _watching:
        _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


def _deliver_signals() -> None:
    mask, _held.mask = getattr(_held, "mask", None), None
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _prepare() -> None:
    global _forked
    if not _watching:
        return
    _forked = True
    current_attempt.set(None)
    # Ours would do nothing there, and a pool's ``terminate`` would wait for ever.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _deliver_signals()
    for descriptor in _CLOSED_IN_FORKS:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _CLOSED_IN_FORKS.clear()
    # At its end Python joins the threads of all pools, and fails at the one that has forked: the
    # process would end with code 1. None of these threads exists here.
    getattr(concurrent.futures.thread, "_threads_queues", {}).clear()
    for db in connections.all(initialized_only=True):
        _INHERITED.append(db)
        del connections[db.alias]


def is_forked() -> bool:
    """Whether this process was forked by a task."""
    return _forked


def leave_if_forked(error: BaseException | None = None) -> None:
    """End a forked process in which a task has returned, or raised ``error``.

    It would go on to write the outcome of an attempt, and to run the jobs that wait here, all of
    which the process that it comes from does.
    """
    if not _forked:
        return
    code = 0
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        traceback.print_exception(error)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code & 0xFF)
