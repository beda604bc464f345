"""What a task may change in its child process, and how it was before.

Put back is what is cheap to look at and belongs to the running task: together it takes some 50 us a
job. What a library sets up once, when a task first imports it (``sys.path``, filters of warnings),
stays.
"""

from __future__ import annotations

import contextlib
import locale
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

Undo = Callable[[], object]
"""Puts one thing back."""

TIMERS: Final = tuple(
    getattr(signal, name)
    for name in ("ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF")
    if hasattr(signal, name)
)


def remember() -> list[Undo]:
    """Return what puts back all that is remembered."""
    kept = (_folder, _environment, _umask, _streams, _signals, _logging, _locale, _limits)
    return [keep() for keep in kept]


def put_back(undos: list[Undo]) -> None:
    """Put back what a task has changed; what cannot be put back stays as it is."""
    for undo in undos:
        with contextlib.suppress(OSError, ValueError, RuntimeError, locale.Error):
            undo()


def _folder() -> Undo:
    try:
        folder = Path.cwd()
    except OSError:  # it was removed meanwhile
        return _nothing
    return lambda: os.chdir(folder)


def _environment() -> Undo:
    before = dict(os.environ)

    def undo() -> None:
        if os.environ == before:
            return
        zone_changed = os.environ.get("TZ") != before.get("TZ")
        os.environ.clear()
        os.environ.update(before)
        if zone_changed and hasattr(time, "tzset"):
            time.tzset()

    return undo


def _umask() -> Undo:
    mask = os.umask(0o077)
    os.umask(mask)
    return lambda: os.umask(mask)


def _streams() -> Undo:
    streams = sys.stdin, sys.stdout, sys.stderr

    def undo() -> None:
        sys.stdin, sys.stdout, sys.stderr = streams

    return undo


def _signals() -> Undo:
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}

    def undo() -> None:
        for timer in TIMERS:  # one that is still set would end the next job
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)

    return undo


def _logging() -> Undo:
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, root.manager.disable

    def undo() -> None:
        root.handlers[:] = handlers
        root.setLevel(level)
        root.manager.disable = disabled

    return undo


def _locale() -> Undo:
    name = locale.setlocale(locale.LC_ALL)
    return lambda: locale.setlocale(locale.LC_ALL, name)


def _limits() -> Undo:
    depth, seconds = sys.getrecursionlimit(), socket.getdefaulttimeout()

    def undo() -> None:
        sys.setrecursionlimit(depth)
        socket.setdefaulttimeout(seconds)

    return undo


def _nothing() -> None:
    """Put nothing back."""


class Leaks:
    """Tells whether tasks leave more and more threads and processes in a child.

    A pool that a task keeps for its next runs is made by its first one. A task that leaves more at
    a later run leaves more at each.
    """

    def __init__(self) -> None:
        self._have_run: set[str] = set()

    def count(self) -> int:
        """Return how many threads and child processes there are."""
        return sum(not thread.daemon for thread in threading.enumerate()) + len(
            multiprocessing.active_children()
        )

    def has_leaked(self, task: str, before: int) -> bool:
        """Whether a run that found ``before`` threads and processes has left more again."""
        again = task in self._have_run
        self._have_run.add(task)
        return again and self.count() > before
