"""Freezes a process between its writes: one that holds SQLite's lock would stop everybody."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from django.db import OperationalError, transaction

from tests.waiting import wait_until


def freeze(pid: int, is_free: Callable[[], bool]) -> None:
    """Stop a process while ``is_free`` says that a write would not have to wait for it.

    Args:
        pid: the process.
        is_free: whether the database can be written by others.

    Raises:
        AssertionError: there was no such moment within the time.
    """

    def stopped() -> bool:
        os.kill(pid, signal.SIGSTOP)
        # The signal has been sent when ``kill`` returns; a thread on the other core may yet run.
        wait_until(lambda: _states(pid) <= {"T"}, what="all of its threads stop")
        if is_free():
            return True
        os.kill(pid, signal.SIGCONT)
        return False

    wait_until(stopped, interval=0.05, what="it is stopped between its writes")


def default_is_free() -> bool:
    """Whether Django's default database, an SQLite file, can be written by this process."""
    try:
        with transaction.atomic():
            return True
    except OperationalError:
        return False


def _states(pid: int) -> set[str]:
    """The states of a process's threads as Linux calls them; of macOS nothing is known."""
    found = set()
    for status in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            found.add(status.read_text("utf-8").rpartition(") ")[2][:1])
        except OSError:
            continue  # it ended meanwhile
    return found
