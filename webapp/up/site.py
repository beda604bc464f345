"""The web server: granian, in threads of this process.

Measured on two cores with wrk, eight connections, beside a busy consumer (requests a second, with
the slowest of a hundred): a poll that hears 304, granian 1,440, waitress 1,050; a submission, 720
and 27 ms, waitress 515 and 30 ms. With 128 connections waitress, which walks through all of them
at each turn, took 90 submissions a second, granian 920.

granian's own command runs its server in a process of its own, which outlives a killed parent and
keeps the port. Its worker is used here without the command, so that it lives and ends with us.
That part of granian is not public: its version is pinned, and the tests use all of it.
"""

from __future__ import annotations

import asyncio
import http.client
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from granian._futures import _new_cbscheduler
from granian._granian import SocketHolder, WorkerSignal, WSGIWorker
from granian.http import HTTP1Settings

from jobs.conf import get_conf

from .wsgi_bridge import Calls, Gate

SHUTDOWN_SECONDS = 1.5
CONNECTIONS: Final = 1000
HEAD_SECONDS: Final = 30  # for a request's first lines; also what an idle connection is kept
BACKLOG: Final = 1024
# Who sends a body slowly keeps a thread, but none of those that may work at once.
THREADS_FOR_EACH: Final = 8
KEEP_THREADS_SECONDS: Final = 24 * 3600  # each has its connection to the database


class Site:
    """The site on a socket that listens already; the socket is the server's from now on."""

    def __init__(self, sock: socket.socket, application: Callable[..., Any]) -> None:
        working = get_conf().server_threads
        self._address = sock.getsockname()
        self._ended = threading.Event()
        self._signal = WorkerSignal()
        self._signal.add_cb(self._ended.set)
        calls = Calls(application, Gate(working), _body_limit())
        self._loop = _unused_loop()
        self._scheduler = _new_cbscheduler(self._loop, calls, impl_asyncio=True)
        self._worker = WSGIWorker(
            worker_id=1,
            sock=(None, _holder(sock)),
            ipc=None,
            threads=1,
            blocking_threads=1,
            py_threads=working * THREADS_FOR_EACH,
            py_threads_idle_timeout=KEEP_THREADS_SECONDS,
            backpressure=CONNECTIONS,
            http_mode="1",
            http1_opts=HTTP1Settings(header_read_timeout=HEAD_SECONDS * 1000),
        )

    def start(self) -> None:
        """Begin to answer."""
        self._worker.serve_str(self._scheduler, self._loop, self._signal)

    def answers(self, host: str) -> bool:
        """Whether a request gets an answer, whatever it is."""
        place = "127.0.0.1" if self._address[0] == "0.0.0.0" else self._address[0]  # noqa: S104
        client = http.client.HTTPConnection("::1" if place == "::" else place, self._address[1], 30)
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
        """Take no more requests; whether those under way have ended within a moment."""
        self._signal.set()
        return self._ended.wait(SHUTDOWN_SECONDS)


def _unused_loop() -> asyncio.AbstractEventLoop:
    """granian wants a loop for coroutines. WSGI has none, so it is closed before it has begun."""
    loop = asyncio.new_event_loop()
    loop.close()
    return loop


def _body_limit() -> int:
    """The app refuses what is too large in its own words. This is for what is larger by far."""
    return 2 * get_conf().max_upload + 16 * 1024**2


def _holder(sock: socket.socket) -> SocketHolder:
    """Hand the socket over. Its connections inherit what is set here."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A client that went away without a word gives its thread back.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    # granian's way to take a socket differs from system to system.
    told = {"win32": (), "linux": (False, BACKLOG)}.get(sys.platform, (False,))
    return SocketHolder(sock.detach(), *told)
