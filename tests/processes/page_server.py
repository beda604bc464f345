"""A quick web server of this machine, whose pages nobody can guess."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from typing import Self


class PageServer:
    """Serves ``/1``, ``/2`` and so on, in a thread of its own; a connection is kept open."""

    def __init__(self) -> None:
        self._secret = os.urandom(16)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(self._start(), self._loop)
        self.url = f"http://127.0.0.1:{started.result(30)}/"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def page(self, path: bytes) -> str:
        """Return the text of a page."""
        return hashlib.blake2b(path, key=self._secret, digest_size=8).hexdigest()

    def number(self, url: str) -> int:
        """Return the number of a page."""
        return int(url.removeprefix(self.url))

    async def _start(self) -> int:
        self._connections = set[_Connection]()
        self._server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _end(self) -> None:
        self._server.close()
        for one in list(self._connections):
            one.close()
        await self._server.wait_closed()

    def opened(self, connection: _Connection) -> None:
        """Remember a connection, to be closed at the end."""
        self._connections.add(connection)

    def closed(self, connection: _Connection) -> None:
        """Forget it."""
        self._connections.discard(connection)


class _Connection(asyncio.Protocol):
    """Answers one request after the other."""

    def __init__(self, server: PageServer) -> None:
        self._pages = server
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._pages.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pages.closed(self)

    def close(self) -> None:
        """Close it."""
        assert self._transport is not None
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for request in requests:
            text = self._pages.page(request.split(b" ", 2)[1])
            self._transport.write(
                f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
            )
