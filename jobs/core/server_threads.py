"""How many threads the web server of this process has, and which part of them may wait."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest

from jobs.conf import get_conf

from .greenlets import has_greenlets

THREADS: Final = "jobs.threads"
"""The key of a WSGI environment in which our own server says how many threads it has."""
UNLIMITED_THREADS: Final = 8
"""Counted for a server that starts a thread for each request: each one still costs a connection to
the database while it waits."""


class RequestCount:
    """How many requests this process handles now, and the most that it ever handled at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0
        self.begun = 0
        """How many have begun in all."""

    @property
    def now(self) -> int:
        """How many it handles now."""
        return self._now

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.begun += 1
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
