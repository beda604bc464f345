"""Long polls: requests that wait until a job changes. Few at a time, and cheap meanwhile."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.http import HttpRequest

from jobs.conf import get_conf
from jobs.core.greenlets import has_greenlets

MAX_WAIT: Final = 30
THREADS: Final = "jobs.threads"
"""The key of a WSGI environment in which our own server says how many threads it has."""
UNLIMITED_THREADS: Final = 8
"""Counted for a server that starts a thread for each request: each one still costs a connection to
the database while it waits."""
_FIRST_PAUSE: Final = 0.005
_MAX_PAUSE: Final = 0.25
_GROWTH: Final = 1.3
_WAIT: Final = re.compile(r"wait\s*=\s*\"?(\d{1,9})\"?", re.IGNORECASE)

_lock = threading.Lock()
_occupied = 0


def wait_preference(header: str) -> int | None:
    """Return the seconds that ``Prefer: wait=N`` asks for, at most ``MAX_WAIT``; None for none.

    By RFC 7240, a preference that is not understood is ignored, and the first of two counts.
    """
    for preference in header.split(",") if header else ():
        found = _WAIT.fullmatch(preference.partition(";")[0].strip())
        if found is not None:
            return min(int(found[1]), MAX_WAIT)
    return None


class RequestCount:
    """How many requests this process handles now, and the most that it ever handled at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._now -= 1


requests_in_progress = RequestCount()


def max_waiting(request: HttpRequest) -> int:
    """Return how many requests may wait at once in this process.

    A waiting request keeps a thread of the server, and must never keep the last one: a quarter of
    the threads may wait. PEP 3333 does not let a server say how many it has. Where nobody has said
    so, as many are known to exist as requests were handled at the same time.
    """
    environ = getattr(request, "environ", None)
    if environ is not None and not environ.get("wsgi.multithread", True):
        return 0  # one request at a time, as in gunicorn's workers of the kind "sync"
    threads: int = get_conf().server_threads or (environ or {}).get(THREADS, 0)
    if not threads and (environ is None or _has_a_thread_for_each(environ)):
        threads = UNLIMITED_THREADS
    if threads:
        return threads // 4
    seen = requests_in_progress.most
    return max(1, seen // 4) if seen > 1 else 0


def _has_a_thread_for_each(environ: Mapping[str, Any]) -> bool:
    """Whether the server starts a thread (or a greenlet) for each connection."""
    return has_greenlets() or str(environ.get("SERVER_SOFTWARE", "")).startswith("WSGIServer/")


@contextmanager
def wait_slot(limit: int) -> Iterator[bool]:
    """Occupy one of so many wait slots during the block; yields False when all are occupied."""
    global _occupied
    with _lock:
        free = _occupied < limit
        _occupied += free
    try:
        yield free
    finally:
        with _lock:
            _occupied -= free


def wait_until(is_done: Callable[[], bool], seconds: float) -> None:
    """Return when ``is_done`` returns True, or after the seconds.

    The pauses grow: the end of a quick job is seen within milliseconds, a slow job costs four
    reads a second.
    """
    end = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while not is_done():
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(pause, left))
        pause = min(pause * _GROWTH, _MAX_PAUSE)
