"""Long polls: requests that wait until a job changes, or ends.

Where the server can hold requests (``jobs.core.held_requests``) they keep no thread, and one thread
looks for all of them. Elsewhere each keeps its thread, and few may wait at a time.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from django.http import HttpRequest

from jobs.core.held_requests import held_for, hold_function
from jobs.core.server_threads import max_waiting

from .news_watcher import NewsWait
from .operations import TEXT, header
from .waits import JobWait

W = TypeVar("W", bound=NewsWait)
MAX_WAIT: Final = 30
PREFER: Final = header(
    "Prefer",
    f"`wait=N`: wait up to N seconds, {MAX_WAIT} at most. When too many requests wait, "
    "the response comes at once, without `Preference-Applied`.",
    {**TEXT, "examples": ["wait=20"]},
)
"""The header, for the API's document."""
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


def held_wait(request: HttpRequest, kind: type[W]) -> W | None:
    """Return what a request has waited for already; None for one that comes for the first time."""
    found = held_for(request)
    return found if isinstance(found, kind) else None


def wait_for_job(
    request: HttpRequest,
    job_id: uuid.UUID,
    known: int | None,
    is_news: Callable[[], bool],
    seconds: int,
    note: Any = None,
) -> bool:
    """Wait for news of a job: here, or by asking the server to hold the request.

    In the latter case the response of this call is dropped, and the view is called again.

    Args:
        request: the request that waits.
        job_id: the job.
        known: the job's version, if any change of it is news; None if only its end is.
        is_news: reads the job again, and says whether there is news.
        seconds: how long.
        note: what the view finds at the wait when it is called again.

    Returns:
        Whether it could wait; False if too many do.
    """
    if hold_function(request) is None:
        with wait_slot(max_waiting(request)) as has_slot:
            if has_slot:
                wait_until(is_news, seconds)
        return has_slot
    wait = held_wait(request, JobWait) or JobWait(job_id, known, time.monotonic() + seconds)
    wait.note = note if wait.note is None else wait.note
    wait.known = known  # what this call of the view has read
    return hold_on(request, wait)


def hold_on(request: HttpRequest, wait: NewsWait) -> bool:
    """Ask the server to hold a request; return whether it waits, or has waited already."""
    hold = hold_function(request)
    has_waited = held_for(request) is not None
    return time.monotonic() >= wait.until or (hold is not None and hold(wait)) or has_waited


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
