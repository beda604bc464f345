"""One thread a process that looks for all requests that wait for a job.

It reads the versions of all these jobs in one statement, by their keys. On SQLite it first asks
whether anybody has committed at all, which costs a few microseconds. It exists only while somebody
waits. With 500 of them and 50 ends a second the server of ``up`` took an eighth of a core, all in
all.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from jobs.brokers.wakeup.data_version import DataVersion
from jobs.core.database_file import path_of
from jobs.core.db import DATABASE_ERRORS, Adapter, connection, run
from jobs.core.states import FINAL

logger = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 0.015
LONG_PAUSE_SECONDS: Final = 1.0
"""After an error of the database."""
REST: Final = 4
"""It pauses for so many times the CPU time of a look: it takes a fifth of a core at most."""
IDLE_SECONDS: Final = 5.0
"""How long the thread, and its connection, stay after the last who waited."""
AT_ONCE: Final = 500
"""Jobs in one statement."""
STEP: Final = 50
"""A statement has a multiple of so many places, so that there are few different ones to prepare."""
_VERSIONS: Final = "SELECT id, version, status FROM jobs_job WHERE id IN ({marks})"


class JobWait:
    """One request's wait for news of a job; a ``Wait`` of ``jobs.core.held_requests``.

    Args:
        job_id: the job.
        known: the version that the client has; None for one that waits for the job's end.
        until: a time of ``time.monotonic``.
    """

    def __init__(self, job_id: uuid.UUID, known: int | None, until: float) -> None:
        self.job_id = job_id
        self.known = known
        self.until = until
        self.wake: Callable[[], None] = lambda: None

    def begin(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when there is news."""
        self.wake = wake
        watcher.add(self)

    def end(self) -> None:
        """Wait no more."""
        watcher.remove(self)

    def is_news(self, found: tuple[int, str] | None) -> bool:
        """Whether a version and a status are news; None for a job that is gone."""
        if found is None:
            return True
        version, status = found
        return status in FINAL or (self.known is not None and version != self.known)


class JobWatcher:
    """The jobs that requests wait for, and the thread that looks at them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._added = threading.Condition(self._lock)
        self._waits: defaultdict[uuid.UUID, set[JobWait]] = defaultdict(set)
        self._has_new = False
        self._is_running = False

    def __len__(self) -> int:
        with self._lock:
            return sum(len(waits) for waits in self._waits.values())

    def add(self, wait: JobWait) -> None:
        """Look for this one as well, from the next look on."""
        with self._lock:
            self._waits[wait.job_id].add(wait)
            self._has_new = True
            self._added.notify()
            if not self._is_running:
                self._is_running = True
                thread = threading.Thread(target=self._run, name="job-watcher", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no more threads: each wait ends with its time
                    self._is_running = False
                    logger.warning("There is no thread to look for the requests that wait.")

    def remove(self, wait: JobWait) -> None:
        """Look for this one no more."""
        with self._lock:
            waits = self._waits.get(wait.job_id)
            if waits is not None:
                waits.discard(wait)
                if not waits:
                    del self._waits[wait.job_id]

    def _run(self) -> None:
        commits = _Commits()
        try:
            while self._is_wanted():
                begin = time.thread_time()
                pause = PAUSE_SECONDS
                try:
                    self._look(commits)
                except DATABASE_ERRORS:
                    logger.warning("The jobs that requests wait for cannot be read.", exc_info=True)
                    pause = LONG_PAUSE_SECONDS
                    self._look_again()
                    connection().close()
                time.sleep(max(pause, REST * (time.thread_time() - begin)))
        finally:
            commits.close()
            connection().close()
            with self._lock:
                self._is_running = False

    def _is_wanted(self) -> bool:
        """Whether somebody waits, or comes within ``IDLE_SECONDS``."""
        with self._lock:
            if not self._waits:
                self._added.wait(IDLE_SECONDS)
            self._is_running = bool(self._waits)
            return self._is_running

    def _look_again(self) -> None:
        with self._lock:
            self._has_new = True

    def _look(self, commits: _Commits) -> None:
        is_any = commits.is_any()
        with self._lock:
            if not (is_any or self._has_new):
                return
            self._has_new = False
            waits = [wait for some in self._waits.values() for wait in some]
            jobs = list(self._waits)
        found = _versions(jobs)
        adapt = Adapter(connection()).uuid
        for wait in waits:
            if wait.is_news(found.get(adapt(wait.job_id))):
                wait.wake()


class _Commits:
    """Whether anybody has committed since the last question; where that is not known, always."""

    def __init__(self) -> None:
        path = path_of(connection())
        self._version = DataVersion(Path(path)) if path and Path(path).is_file() else None

    def is_any(self) -> bool:
        return self._version is None or self._version.changed()

    def close(self) -> None:
        if self._version is not None:
            self._version.close()


def _versions(jobs: Sequence[uuid.UUID]) -> dict[Any, tuple[int, str]]:
    """Return the version and the status of each job that exists, by its id as the driver has it."""
    db = connection()
    adapt = Adapter(db).uuid
    found: dict[Any, tuple[int, str]] = {}
    for first in range(0, len(jobs), AT_ONCE):
        some = [adapt(job) for job in jobs[first : first + AT_ONCE]]
        some += [some[-1]] * (-len(some) % STEP)
        for key, version, status in run(db, _statement(len(some)), some):
            found[key] = version, status
    return found


def _statement(marks: int) -> str:
    return _VERSIONS.format(marks=", ".join(["%s"] * marks))


watcher = JobWatcher()
"""That of this process."""
