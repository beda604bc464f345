"""A pytest plugin: a test that hangs fails with the stacks of all threads, and the run goes on.

The limits, the marker ``timeout`` and the option ``--timeout`` are those of pytest-timeout. What
happens at a limit is ours, because its list of stacks is lost in a process of xdist.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import tempfile
import threading
from types import FrameType
from typing import Any, Final

import pytest
import pytest_timeout

LIMITS: Final = {
    "site": 1800,
    "storm": 1800,
    "install": 1800,
    "processes": 600,
    "windows": 600,
    "browser": 300,
    "kafka": 300,
    "rabbitmq": 300,
}
"""Seconds by marker; the first that a test has counts. The others' limit is in pyproject.toml.

Each is longer than the longest wait of such a test for what it expects, whose message says more.
"""
STUCK_SECONDS = 30.0
"""Code that never returns to Python's interpreter cannot be interrupted; then the process ends."""
_stderr = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep the real standard error: while tests run it is captured."""
    config.stash[_stderr] = os.dup(2)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give it back."""
    os.close(config.stash[_stderr])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests with a marker the limit of that marker, unless they have their own."""
    for item in items:
        own = item.get_closest_marker("timeout")
        found = next((LIMITS[one] for one in LIMITS if item.get_closest_marker(one)), None)
        if found is not None and own is None:
            item.add_marker(pytest.mark.timeout(found))


def pytest_timeout_set_timer(item: Any, settings: pytest_timeout.Settings) -> bool:
    """Start the clock of one test, with its fixtures."""
    seconds, stderr = float(settings.timeout), item.config.stash[_stderr]
    interrupts = hasattr(signal, "setitimer") and _is_main_thread()

    def fail(number: int, frame: FrameType | None) -> None:
        if not pytest_timeout.is_debugging():
            pytest.fail(f"It has not ended within {seconds:g} s.\n{_stacks()}")

    def cancel() -> None:
        faulthandler.cancel_dump_traceback_later()
        if interrupts:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    if interrupts:
        signal.signal(signal.SIGALRM, fail)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    if not pytest_timeout.is_debugging():
        # On Windows nothing interrupts a thread that waits: there the process ends, and xdist
        # reports the test and starts another one.
        last = seconds + STUCK_SECONDS if interrupts else seconds
        faulthandler.dump_traceback_later(last, exit=True, file=stderr)
    item.cancel_timeout = cancel
    return True


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _stacks() -> str:
    with tempfile.TemporaryFile() as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return file.read().decode("utf-8", "replace")
