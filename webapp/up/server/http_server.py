"""The server: accepts connections, closes slow ones, and stops."""

from __future__ import annotations

import asyncio
import http.client
import logging
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from jobs.conf import get_conf

from .connections import Connections, most_connections
from .holding import SHARE
from .http_connection import HttpConnection
from .workers import Workers

logger = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 1.5
THREADS: Final = 8
CHECK_SECONDS: Final = 1.0


class Server:
    """Serves a WSGI application on a socket that already listens.

    Args:
        sock: belongs to the server from now on.
        application: as PEP 3333 has it.
        has_access_log: whether each request is one line of the log.
    """

    def __init__(
        self,
        sock: socket.socket,
        application: Callable[..., Any],
        *,
        has_access_log: bool = False,
    ) -> None:
        at_once = max(get_conf().server_threads or THREADS, 2)
        self.max_body = _max_body()
        self.is_stopping = False
        self.has_access_log = has_access_log
        self.loop = asyncio.new_event_loop()
        self._sock = sock
        self.address = sock.getsockname()
        """Where it listens: the host and the port, and of IPv6 two numbers more."""
        most = most_connections()
        self._connections = Connections(most)
        self._workers = Workers(
            application, at_once, self.address[:2], self.loop.call_later, int(most * SHARE)
        )
        self._accepting: asyncio.Task[None] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self.handle, self.submit = self._workers.handle, self._workers.submit
        self.admit = self._connections.admit

    def start(self) -> None:
        """Begin to serve; returns at once."""
        self._workers.start()
        self._thread.start()

    def responds(self, host: str) -> bool:
        """Whether a request to this host gets a response, whatever its status."""
        address = "127.0.0.1" if self.address[0] == "0.0.0.0" else self.address[0]  # noqa: S104
        client = http.client.HTTPConnection(
            "::1" if address == "::" else address, self.address[1], timeout=30
        )
        try:
            client.request("GET", "/healthz", headers={"Host": host, "Connection": "close"})
            return bool(client.getresponse().status)
        except OSError:
            return False
        finally:
            client.close()

    def is_alive(self) -> bool:
        """Whether the server still runs."""
        return not self._ended.is_set()

    def stop(self) -> bool:
        """Accept no more requests; return whether those under way have ended within 1.5 s."""
        try:
            self.loop.call_soon_threadsafe(self._begin_to_stop)
        except RuntimeError:
            return True  # it has ended, and its loop is closed
        return self._ended.wait(SHUTDOWN_SECONDS)

    def forget(self, connection: HttpConnection) -> None:
        """Count a connection no more that is closed."""
        self._connections.forget(connection)
        self._end_if_done()

    # --- the event loop's thread ---------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._sock.setblocking(False)
            self._accepting = self.loop.create_task(self._accept())
            self.loop.call_later(CHECK_SECONDS, self._check)
            self.loop.run_forever()
        finally:
            self._sock.close()
            self._workers.stop()
            self._ended.set()
            self.loop.close()

    async def _accept(self) -> None:
        try:
            await self._accept_until_cancelled()
        finally:
            self._sock.close()

    async def _accept_until_cancelled(self) -> None:
        while not self.is_stopping:
            try:
                sock, peer = await self.loop.sock_accept(self._sock)
            except OSError as error:
                # Nearly always: this process may open no more files.
                logger.warning("A connection could not be accepted: %s.", error)
                self._connections.give_way()
                await asyncio.sleep(0.1)
                continue
            connection = HttpConnection(self, sock, *peer[:2])
            try:
                await self.loop.connect_accepted_socket(partial(_made, connection), sock)
            except OSError:  # it is gone already
                sock.close()

    def _check(self) -> None:
        now = time.monotonic()
        for connection in self._connections:
            connection.check(now)
        if self.is_stopping:
            self._close_idle()  # what was under way, and no more
        self.loop.call_later(CHECK_SECONDS, self._check)

    def _begin_to_stop(self) -> None:
        if not self.is_stopping:
            self.is_stopping = True
            if self._accepting is not None:
                self._accepting.cancel()
            self._close_idle()
            for connection in self._connections:
                connection.stop_holding()
        self._end_if_done()

    def _close_idle(self) -> None:
        for connection in self._connections:
            if connection.is_idle:
                connection.abort()

    def _end_if_done(self) -> None:
        if self.is_stopping and not self._connections:
            self.loop.call_later(0, self.loop.stop)


def _made(connection: HttpConnection) -> HttpConnection:
    """What asyncio calls to get the protocol of a connection."""
    return connection


def _max_body() -> int:
    """Bytes that a body may have here. The application refuses less than this with a page of its
    own; this is for what is larger by far."""
    return 2 * get_conf().max_upload + 16 * 1024**2
