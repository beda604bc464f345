"""The limit of a queue's backlog: above it a submission is refused until jobs have started."""

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
    """Check that the queue has capacity for one more job.

    The number of waiting jobs is read from the partial index at most once a second by a process;
    in between it adds the jobs that it submits itself.

    Raises:
        QueueFull: as many jobs wait as ``JOBS["MAX_BACKLOG"]`` allows.
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


def forget_counts() -> None:
    """Forget how many jobs wait: a test's are rolled back."""
    with _lock:
        _known.clear()


def _count(queue: str, limit: int) -> int:
    """Count the waiting jobs along the index, no further than the limit."""
    return Job.objects.waiting_in(queue).values("pk")[:limit].count()
