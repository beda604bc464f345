"""Under ASGI: requests that wait for news on the event loop, and keep no thread.

A view of Django's runs in a thread, and so does its middleware. So it is the application around
Django that waits: the view asks for it as in ``held_requests``, its response is dropped, and Django
is called again when there is news. ``asgi.py``::

    application = hold_requests(get_asgi_application())
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final

from .held_requests import HELD, HOLD, Hold, Seats, Wait
from .request_ids import HEADER

MOST_HELD: Final = 1000
"""Requests that wait at once in a process. Each has a connection and a task of the event loop; one
more is answered at once."""
_REQUEST_ID: Final = HEADER.lower().encode()
_OF_THE_BODY: Final = frozenset({b"content-length", b"transfer-encoding", b"content-encoding"})
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]


def hold_requests(application: Application) -> Application:
    """Return the application whose views can have their requests held.

    Args:
        application: Django's, or one around it.
    """
    seats = Seats(MOST_HELD)

    async def wrapped(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _Request(application, seats, receive, send).handle(scope)
        else:
            await application(scope, receive, send)

    return wrapped


async def wait_for_news(wait: Wait) -> None:
    """Wait on the event loop, until there is news or the time is over."""
    loop, woken = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(woken.set)

    wait.begin(wake)
    try:
        async with asyncio.timeout(wait.until - time.monotonic()):
            await woken.wait()
    except TimeoutError:
        pass
    finally:
        wait.end()


class _Request:
    """One request, for which the application is called once or more often."""

    def __init__(
        self, application: Application, seats: Seats, receive: Receive, send: Send
    ) -> None:
        self._application = application
        self._seats = seats
        self._receive = receive
        self._send = send
        self._hold = Hold(seats, lambda: not self._is_over)
        self._is_over = False  # the view's thread may go on when its client has gone
        self._is_again = False
        self._request_id = b""

    async def handle(self, scope: Any) -> None:
        try:
            await self._call(scope)
            while (wait := self._hold.taken()) is not None:
                try:
                    is_there = await self._client_stays(wait)
                finally:
                    self._seats.give_back()
                if not is_there:
                    return
                self._is_again = True
                await self._call({**scope, HELD: wait, "headers": self._headers(scope)})
        finally:
            self._is_over = True
            self._hold.forget()

    async def _call(self, scope: Any) -> None:
        await self._application({**scope, HOLD: self._hold}, self._received, self._sent)

    async def _received(self) -> Message:
        if self._is_again:
            self._is_again = False
            return {"type": "http.request", "body": b"", "more_body": False}  # it was read before
        return await self._receive()

    async def _sent(self, message: Message) -> None:
        if not self._hold.is_asked:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._request_id = dict(_lower(message["headers"])).get(_REQUEST_ID, b"")

    def _headers(self, scope: Any) -> list[tuple[bytes, bytes]]:
        """Those of the request for the next call: with the id that it has, and without a body."""
        left_out = _OF_THE_BODY | ({_REQUEST_ID} if self._request_id else set())
        kept = [(name, value) for name, value in scope["headers"] if name not in left_out]
        return [*kept, (_REQUEST_ID, self._request_id)] if self._request_id else kept

    async def _client_stays(self, wait: Wait) -> bool:
        """Wait for news; return whether the client is still there."""
        gone = asyncio.ensure_future(self._disconnected())
        news = asyncio.ensure_future(wait_for_news(wait))
        try:
            await asyncio.wait({gone, news}, return_when=asyncio.FIRST_COMPLETED)
            return not gone.done()
        finally:
            for task in (gone, news):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _lower(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(bytes(name).lower(), bytes(value)) for name, value in headers]
