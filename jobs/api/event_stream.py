"""Server-Sent Events: an answer that goes on, held by the event loop of the server.

Between two reads of the database a stream holds no thread; a read takes one for a moment. What it
waits for then is looked for by ``news_watcher``, for all streams together. Under ASGI the event
loop waits, under WSGI a server that holds requests (``jobs.core.held_requests``) does. Under others
each stream would keep a thread, so there is none.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest, StreamingHttpResponse

from jobs.core.asgi_holding import wait_for_news
from jobs.core.db import DATABASE_ERRORS
from jobs.core.held_requests import hold_function
from jobs.errors import JobsError

from .news_watcher import NewsWait
from .problems import NOT_ACCEPTABLE, UNAVAILABLE, ApiError

EVENT_STREAM: Final = "text/event-stream"
MOST_STREAMS: Final = 500
"""Of one process: more are told to come back."""
STREAM_SECONDS: Final = 600.0
"""Then the client connects again, as ``EventSource`` does by itself, and its token is looked at."""
KEEP_ALIVE_SECONDS: Final = 15.0
"""A line that says nothing: proxies close what is silent for a minute, and a client that is gone is
noticed by writing to it."""
_RETRY: Final = b"retry: 1000\n\n"
_KEEP_ALIVE: Final = b":\n\n"

readers = ThreadPoolExecutor(4, "event-streams")
"""The threads that read for all streams: each keeps a connection to the database."""
_lock = threading.Lock()
_open = 0


@dataclass(slots=True)
class Events:
    """What one read of the database has brought.

    Attributes:
        items: the id and the data, on one line, of each event.
        more: whether to read again at once.
        is_last: whether the stream ends with them.
    """

    items: list[tuple[str, str]] = field(default_factory=list)
    more: bool = False
    is_last: bool = False


def wants_stream(request: HttpRequest) -> bool:
    """Whether a request asks for events.

    Raises:
        ApiError: 406, it does and this server has none.
    """
    if EVENT_STREAM not in request.META.get("HTTP_ACCEPT", "").lower():
        return False
    if not isinstance(request, ASGIRequest) and hold_function(request) is None:
        detail = "This server has no event streams. Here `Prefer: wait=N` waits for what comes."
        raise ApiError(NOT_ACCEPTABLE, detail)
    return True


def last_event_id(request: HttpRequest) -> str:
    """Return the id of the last event that a client has, "" for none."""
    return str(request.META.get("HTTP_LAST_EVENT_ID", ""))


def stream(
    request: HttpRequest,
    event: str,
    read: Callable[[], Events],
    wait: Callable[[float], NewsWait],
) -> StreamingHttpResponse:
    """Return a response that sends what is read, until the client goes.

    Args:
        request: the request.
        event: the name of the events.
        read: reads the next ones from the database; called in a thread, again and again.
        wait: returns what to wait for, until such a time of ``time.monotonic``, if the read that
            follows brings nothing.

    Raises:
        ApiError: 503, there are too many streams.
    """
    global _open
    with _lock:
        if _open >= MOST_STREAMS:
            headers = {"Retry-After": "5"}
            raise ApiError(UNAVAILABLE, "Too many event streams are open.", headers)
        _open += 1
    steps = _steps(event, read, wait)
    hold = None if isinstance(request, ASGIRequest) else hold_function(request)
    body = _AsyncBody(steps) if hold is None else _HeldBody(steps, hold)
    response = StreamingHttpResponse(body, content_type=EVENT_STREAM)
    response.headers["X-Accel-Buffering"] = "no"  # nginx would collect them
    return response


def _steps(
    event: str, read: Callable[[], Events], new_wait: Callable[[float], NewsWait]
) -> Iterator[bytes | NewsWait]:
    """Yield what is to be sent, and between that what is to be waited for."""
    yield _RETRY
    said = time.monotonic()
    end = said + STREAM_SECONDS
    while (now := time.monotonic()) < end:
        try:
            # In this order: what ends between the two is news to who waits.
            wait = new_wait(now + KEEP_ALIVE_SECONDS)
            found = read()
        except (*DATABASE_ERRORS, JobsError):
            return  # the client comes again, and gets a problem that says why
        finally:
            _tidy()
        if found.items:
            yield "".join(
                f"event: {event}\nid: {key}\ndata: {data}\n\n" for key, data in found.items
            ).encode()
            said = now
        elif now - said > KEEP_ALIVE_SECONDS:
            yield _KEEP_ALIVE
            said = now
        if found.is_last:
            return
        if not (found.items or found.more):
            yield wait


class _Body:
    """The body. Django closes it when the client goes, even before its first event."""

    def __init__(self, steps: Iterator[bytes | NewsWait]) -> None:
        self._steps = steps
        self._is_counted = True

    def close(self) -> None:
        """Count it no more."""
        global _open
        with _lock:
            _open -= self._is_counted
            self._is_counted = False


class _HeldBody(_Body):
    """Its pieces are asked for by a thread of the server, each when there may be news."""

    def __init__(self, steps: Iterator[bytes | NewsWait], hold: Callable[[NewsWait], bool]) -> None:
        super().__init__(steps)
        self._hold = hold

    def __iter__(self) -> Iterator[bytes]:
        for step in self._steps:
            if isinstance(step, bytes):
                yield step
            elif self._hold(step):
                yield b""
            else:
                return  # the client comes again


class _AsyncBody(_Body):
    """Its pieces are awaited by the event loop of an ASGI server."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while (step := await self._next()) is not None:
                if isinstance(step, bytes):
                    yield step
                else:
                    await wait_for_news(step)
        finally:
            self.close()

    async def _next(self) -> bytes | NewsWait | None:
        return await asyncio.wrap_future(readers.submit(next, self._steps, None))


def _tidy() -> None:
    """As Django does at the end of a request."""
    for one in connections.all(initialized_only=True):
        one.close_if_unusable_or_obsolete()
