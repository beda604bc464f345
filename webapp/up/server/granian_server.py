"""granian's worker, run in threads of this process.

Measured on two cores with wrk, eight connections, beside a busy consumer (requests a second, with
the slowest of a hundred): a poll answered with 304, granian 1,440, waitress 1,050; a submission,
granian 720 and 27 ms, waitress 515 and 30 ms. With 128 connections waitress, which walks through
all of them at each step, took 90 submissions a second, granian 920.

granian's own command runs its server in a process of its own, which outlives a killed parent and
keeps the port. Its worker is used here without the command, so that it lives and ends with us.
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

from .wsgi_bridge import WsgiBridge

SHUTDOWN_SECONDS = 1.5
THREADS: Final = 8
CONNECTIONS: Final = 1000
HEADER_SECONDS: Final = 30  # for a request's first lines; also how long an idle connection is kept
BACKLOG: Final = 1024
# A client that sends a body slowly keeps a thread, but none of those that may work at once.
THREADS_PER_SLOT: Final = 8
THREAD_IDLE_SECONDS: Final = 24 * 3600  # each thread has its connection to the database


class Server:
    """Serves a WSGI application on a socket that already listens.

    Args:
        sock: belongs to the server from now on.
        application: as PEP 3333 has it.
    """

    def __init__(self, sock: socket.socket, application: Callable[..., Any]) -> None:
        at_once = max(get_conf().server_threads or THREADS, 2)
        self._address = sock.getsockname()
        self._ended = threading.Event()
        self._signal = WorkerSignal()
        self._signal.add_cb(self._ended.set)
        bridge = WsgiBridge(application, at_once, _max_body())
        self._loop = _unused_loop()
        self._scheduler = _new_cbscheduler(self._loop, bridge, impl_asyncio=True)
        self._worker = WSGIWorker(
            worker_id=1,
            sock=(None, _socket_holder(sock)),
            ipc=None,
            threads=1,
            blocking_threads=1,
            py_threads=at_once * THREADS_PER_SLOT,
            py_threads_idle_timeout=THREAD_IDLE_SECONDS,
            backpressure=CONNECTIONS,
            http_mode="1",
            http1_opts=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
        )

    def start(self) -> None:
        """Begin to serve; returns at once."""
        self._worker.serve_str(self._scheduler, self._loop, self._signal)

    def responds(self, host: str) -> bool:
        """Whether a request to this host gets a response, whatever its status."""
        address = "127.0.0.1" if self._address[0] == "0.0.0.0" else self._address[0]  # noqa: S104
        client = http.client.HTTPConnection(
            "::1" if address == "::" else address, self._address[1], timeout=30
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
        self._signal.set()
        return self._ended.wait(SHUTDOWN_SECONDS)


def _unused_loop() -> asyncio.AbstractEventLoop:
    """Return a closed loop: granian wants one for coroutines, and WSGI has none."""
    loop = asyncio.new_event_loop()
    loop.close()
    return loop


def _max_body() -> int:
    """Bytes that a body may have here. The application refuses less than this with a page of its
    own; this is for what is larger by far."""
    return 2 * get_conf().max_upload + 16 * 1024**2


def _socket_holder(sock: socket.socket) -> SocketHolder:
    """Hand the socket over. Its connections inherit the options that are set here."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A client that vanished without closing its connection gives its thread back.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    # granian's way to take a socket differs from system to system.
    arguments = {"win32": (), "linux": (False, BACKLOG)}.get(sys.platform, (False,))
    return SocketHolder(sock.detach(), *arguments)
