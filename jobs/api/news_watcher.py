"""One thread a process that looks for all requests that wait for news.

It looks for all waits of one kind at once (``waits.py``). On SQLite it first asks whether anybody
has committed at all, which costs a few microseconds. It exists only while somebody waits. With 500
who wait for a job each and 50 ends a second the server of ``up`` took an eighth of a core, all in
all.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from jobs.brokers.wakeup.data_version import DataVersion
from jobs.core.database_file import path_of
from jobs.core.db import DATABASE_ERRORS, connection

logger = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 0.015
LONG_PAUSE_SECONDS: Final = 1.0
"""After an error of the database."""
REST: Final = 4
"""It pauses for so many times the CPU time of a look: it takes a fifth of a core at most."""
IDLE_SECONDS: Final = 5.0
"""How long the thread, and its connection, stay after the last who waited."""


class NewsWait(ABC):
    """One request's wait for news; a ``Wait`` of ``jobs.core.held_requests``.

    Args:
        until: a time of ``time.monotonic``.
    """

    def __init__(self, until: float) -> None:
        self.until = until
        self.wake: Callable[[], None] = lambda: None

    def begin(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when there is news."""
        self.wake = wake
        watcher.add(self)

    def end(self) -> None:
        """Wait no more."""
        watcher.remove(self)

    @classmethod
    @abstractmethod
    def with_news(cls, waits: Sequence[Any]) -> Iterable[NewsWait]:
        """Return those of the waits of this class for which there is news; it reads the database.

        Raises:
            DatabaseError: Django's.
        """


class NewsWatcher:
    """What requests wait for, and the thread that looks at it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._added = threading.Condition(self._lock)
        self._waits: set[NewsWait] = set()
        self._has_new = False
        self._is_running = False

    def __len__(self) -> int:
        with self._lock:
            return len(self._waits)

    def add(self, wait: NewsWait) -> None:
        """Look for this one as well, from the next look on."""
        with self._lock:
            self._waits.add(wait)
            self._has_new = True
            self._added.notify()
            if not self._is_running:
                self._is_running = True
                thread = threading.Thread(target=self._run, name="news-watcher", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no more threads: each wait ends with its time
                    self._is_running = False
                    logger.warning("There is no thread to look for the requests that wait.")

    def remove(self, wait: NewsWait) -> None:
        """Look for this one no more."""
        with self._lock:
            self._waits.discard(wait)

    def _run(self) -> None:
        commits = _Commits()
        try:
            while self._is_wanted():
                begin = time.thread_time()
                pause = PAUSE_SECONDS
                try:
                    self._look(commits)
                except DATABASE_ERRORS:
                    logger.warning("What requests wait for cannot be read.", exc_info=True)
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
            waits = list(self._waits)
        kinds: defaultdict[type[NewsWait], list[NewsWait]] = defaultdict(list)
        for wait in waits:
            kinds[type(wait)].append(wait)
        for kind, some in kinds.items():
            for wait in kind.with_news(some):
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


watcher = NewsWatcher()
"""That of this process."""
