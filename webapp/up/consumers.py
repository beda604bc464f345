"""The consumers: a child process that is watched, replaced when it dies, never left behind."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO

from django.conf import settings

from jobs.consumer.restart_policy import QUICK_SECONDS, REPLACE, pause_after

logger = logging.getLogger("webapp.up")

MANY_QUICK_DEATHS = 5
GRACE_SECONDS = "3"
SLACK_SECONDS = 2.0


class Consumers:
    """Runs ``manage.py runconsumers`` until told to stop.

    It never gives up: after several quick deaths it says so and tries on, twice a minute, while
    the site serves and takes jobs. What ails it may pass (a full disk, a database that is away).
    """

    def __init__(self, processes: int, write: Callable[[str], None]) -> None:
        self._processes = processes
        self._write = write
        self._stopping = threading.Event()
        self._settled = threading.Event()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._watch, name="consumers", daemon=True)
        self.ready = False

    def start(self) -> None:
        """Start the child and the thread that watches it."""
        self._thread.start()

    def wait_settled(self, timeout: float) -> bool:
        """Wait until the consumers are ready, or have died too often; whether that came."""
        return self._settled.wait(timeout)

    def drain(self) -> None:
        """Tell the child to take nothing new and to finish what it runs."""
        self._stopping.set()
        with self._lock:
            child = self._child
        if child is not None:
            with suppress(OSError, ValueError):  # it may be gone, and its pipe closed
                _pipe(child.stdin).write("drain\n")
                _pipe(child.stdin).flush()

    def stop(self) -> None:
        """Wait until the child has drained, for its grace time; end it after that."""
        self.drain()
        child = self._child
        if child is None:
            return
        if not _ended(child, float(_grace()) + SLACK_SECONDS):
            with suppress(OSError):
                _pipe(child.stdin).close()  # the end of its pipe: it leaves at once
            if not _ended(child, SLACK_SECONDS):
                child.kill()
        self._thread.join(SLACK_SECONDS)

    def _watch(self) -> None:
        quick_deaths = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run_child()
            if self._stopping.is_set() or code == REPLACE:
                continue
            quick = time.monotonic() - started < QUICK_SECONDS
            quick_deaths = quick_deaths + 1 if quick else 0
            self._tell(code, quick_deaths)
            self._stopping.wait(pause_after(quick_deaths))

    def _run_child(self) -> int:
        with self._lock:
            if self._stopping.is_set():
                return 0
            child = self._child = _start(self._processes)
        reader = threading.Thread(target=self._forward, args=(child,), name="output", daemon=True)
        reader.start()
        code = child.wait()
        # Not for long: a process that a task started may hold the other end open.
        reader.join(1.0)
        with suppress(OSError):
            _pipe(child.stdin).close()
        return code

    def _forward(self, child: subprocess.Popen[str]) -> None:
        waiting_for = self._processes
        with suppress(OSError, ValueError):
            for line in _pipe(child.stdout):
                self._write(line.rstrip("\n"))
                waiting_for -= " ready:" in line or line.strip() == "ready"
                if waiting_for == 0:
                    self.ready = True
                    self._settled.set()

    def _tell(self, code: int, quick_deaths: int) -> None:
        pause = pause_after(quick_deaths)
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        logger.warning("The consumers ended (%s). They start again in %g s.", how, pause)
        if quick_deaths == MANY_QUICK_DEATHS:
            logger.error(
                "The consumers die as soon as they start, so no job is run. The site goes on and "
                "takes jobs. Look at the messages above and at `python manage.py doctor`."
            )
            self._settled.set()


def _start(processes: int) -> subprocess.Popen[str]:
    # A process group of its own: Ctrl-C reaches `up` alone, which then tells the child in order.
    group = (
        {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        if os.name == "nt"
        else {"process_group": 0}
    )
    return subprocess.Popen(
        [
            sys.executable,
            str(settings.BASE_DIR / "manage.py"),
            "runconsumers",
            f"--processes={processes}",
            "--parent-pipe",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="backslashreplace",
        env=os.environ
        | {
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8:backslashreplace",
            "JOBS_GRACE_SECONDS": _grace(),
        },
        **group,
    )


def _grace() -> str:
    """Ctrl-C should end ``up`` within seconds; who wants to wait longer for jobs says so."""
    return os.environ.get("JOBS_GRACE_SECONDS", "").strip() or GRACE_SECONDS


def _ended(child: subprocess.Popen[str], timeout: float) -> bool:
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout)
    return child.poll() is not None


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise ValueError("The child was started without a pipe.")
    return pipe
