"""Server-Sent Events: an answer that goes on, held by the event loop of the server.

Between two reads of the database a stream holds no thread; a read takes one for a moment. Under
ASGI streams of the feed read when ``FeedPulse`` says that something has ended, one of a job a few
times a second. A WSGI server that holds requests (``jobs.core.held_requests``) asks for the next
piece when there is news. Under others each stream would keep a thread, so there is none.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest, StreamingHttpResponse

from jobs.core.db import DATABASE_ERRORS
from jobs.core.held_requests import hold_function
from jobs.errors import JobsError
from jobs.feed import newest_position

from .feed_pulse import FeedPulse, feed_pulse
from .news_watcher import NewsWait
from .problems import NOT_ACCEPTABLE, UNAVAILABLE, ApiError

Read = TypeVar("Read")
EVENT_STREAM: Final = "text/event-stream"
MOST_STREAMS: Final = 500
"""Of one process: more are told to come back."""
STREAM_SECONDS: Final = 600.0
"""Then the client connects again, as ``EventSource`` does by itself, and its token is looked at."""
KEEP_ALIVE_SECONDS: Final = 15.0
"""A line that says nothing: proxies close what is silent for a minute, and a client that is gone is
noticed by writing to it."""
FIRST_PAUSE: Final = 0.005
MAX_PAUSE: Final = 0.25
_GROWTH: Final = 1.5
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
    *,
    of_feed: bool,
) -> StreamingHttpResponse:
    """Return a response that sends what is read, until the client goes.

    Args:
        request: the request.
        event: the name of the events.
        read: reads the next ones from the database; called in a thread, again and again.
        wait: returns what to wait for, until such a time of ``time.monotonic``, if the read that
            follows brings nothing.
        of_feed: whether there is nothing new to read until a job has ended.

    Raises:
        ApiError: 503, there are too many streams.
    """
    global _open
    with _lock:
        if _open >= MOST_STREAMS:
            headers = {"Retry-After": "5"}
            raise ApiError(UNAVAILABLE, "Too many event streams are open.", headers)
        _open += 1
    hold = hold_function(request)
    body: _Body
    if hold is None:
        body = _Stream(event, read, of_feed=of_feed)
    else:
        body = _HeldStream(event, read, wait, hold)
    response = StreamingHttpResponse(body, content_type=EVENT_STREAM)
    response.headers["X-Accel-Buffering"] = "no"  # nginx would collect them
    return response


class _Body:
    """The body. Django closes it when the client goes, even before its first event."""

    def __init__(self, event: str, read: Callable[[], Events]) -> None:
        self._event = event
        self._read = read
        self._is_counted = True

    def close(self) -> None:
        """Count it no more."""
        global _open
        with _lock:
            _open -= self._is_counted
            self._is_counted = False

    def _text(self, found: Events) -> bytes:
        return "".join(
            f"event: {self._event}\nid: {key}\ndata: {data}\n\n" for key, data in found.items
        ).encode()


class _HeldStream(_Body):
    """Its pieces are asked for by a thread of the server, each when there may be news."""

    def __init__(
        self,
        event: str,
        read: Callable[[], Events],
        wait: Callable[[float], NewsWait],
        hold: Callable[[NewsWait], bool],
    ) -> None:
        super().__init__(event, read)
        self._new_wait = wait
        self._hold = hold

    def __iter__(self) -> Iterator[bytes]:
        yield _RETRY
        said = time.monotonic()
        end = said + STREAM_SECONDS
        while (now := time.monotonic()) < end:
            try:
                # In this order: what ends between the two is news to who waits.
                wait = self._new_wait(now + KEEP_ALIVE_SECONDS)
                found = self._read()
            except (*DATABASE_ERRORS, JobsError):
                return  # the client comes again, and gets a problem that says why
            finally:
                _tidy()
            if found.items:
                yield self._text(found)
                said = now
            elif now - said > KEEP_ALIVE_SECONDS:
                yield _KEEP_ALIVE
                said = now
            if found.is_last:
                return
            if not (found.items or found.more):
                if not self._hold(wait):
                    return  # the client comes again
                yield b""


class _Stream(_Body):
    """Its pieces are awaited by the event loop of an ASGI server."""

    def __init__(self, event: str, read: Callable[[], Events], *, of_feed: bool) -> None:
        super().__init__(event, read)
        self._of_feed = of_feed
        self._pause = FIRST_PAUSE

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            yield _RETRY
            async for piece in self._pieces():
                yield piece
        finally:
            self.close()

    async def _pieces(self) -> AsyncIterator[bytes]:
        pulse = feed_pulse(_newest)
        said = time.monotonic()
        end = said + STREAM_SECONDS
        while (now := time.monotonic()) < end:
            seen = pulse.newest
            try:
                found = await asyncio.wrap_future(readers.submit(_read_once, self._read))
            except (*DATABASE_ERRORS, JobsError):
                return  # the client comes again, and gets a problem that says why
            if found.items:
                yield self._text(found)
                said, self._pause = now, FIRST_PAUSE
            elif now - said > KEEP_ALIVE_SECONDS:
                yield _KEEP_ALIVE
                said = now
            if found.is_last:
                return
            if not (found.items or found.more):
                await self._wait(pulse, seen)

    async def _wait(self, pulse: FeedPulse, seen: int) -> None:
        if self._of_feed:
            await pulse.wait(seen, KEEP_ALIVE_SECONDS)
            return
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * _GROWTH, MAX_PAUSE)


async def _newest() -> int:
    return await asyncio.wrap_future(readers.submit(_read_once, newest_position))


def _read_once(read: Callable[[], Read]) -> Read:
    """The thread belongs to nobody: nobody else would close its connection."""
    try:
        return read()
    finally:
        _tidy()


def _tidy() -> None:
    """As Django does at the end of a request."""
    for one in connections.all(initialized_only=True):
        one.close_if_unusable_or_obsolete()
