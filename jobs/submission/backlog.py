"""A producer is told to slow down before the backlog can hurt."""

from __future__ import annotations

import threading
import time

from jobs.conf import get_conf
from jobs.errors import QueueFull
from jobs.models import Job

FRESH_SECONDS = 1.0
RETRY_AFTER = 5

_lock = threading.Lock()
_known: dict[str, tuple[float, int]] = {}


def require_capacity(queue: str) -> None:
    """Check that the queue may take one more.

    The number of waiting jobs is read from the partial index at most once a second and process;
    in between this process counts what it hands in itself.

    Raises:
        QueueFull: it holds as many as ``JOBS["MAX_BACKLOG"]`` allows.
    """
    limit = get_conf().max_backlog
    now = time.monotonic()
    with _lock:
        read_at, count = _known.get(queue, (0.0, 0))
        fresh = queue in _known and now - read_at < FRESH_SECONDS
        if fresh:
            _known[queue] = (read_at, count + 1)
    if not fresh:
        count = _count(queue, limit)
        with _lock:
            _known[queue] = (now, count + 1)
    if count >= limit:
        raise QueueFull(queue, limit, RETRY_AFTER)


def _count(queue: str, limit: int) -> int:
    """How many wait, counted no further than the limit, along the index."""
    return Job.objects.waiting_in(queue).values("pk")[:limit].count()
