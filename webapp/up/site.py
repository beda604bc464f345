"""The web server: waitress, in threads of this process.

Measured on two cores with wrk, 32 connections, Django 6.1, 8 threads (requests a second for a
trivial view; for one durable SQLite insert; MB of memory): waitress 1,860; 1,230; 44. granian
4,305; 2,115; 74. uvicorn 337; 219; 45. Start-up is alike (0.3 s). waitress is taken although
granian is faster: granian's worker is a second process that outlives a killed parent and keeps
the port. waitress lives and ends with us, and is pure Python on any system.
"""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable
from typing import Any

import waitress
from django.conf import settings

from jobs.conf import get_conf

from .channel import Channel

SHUTDOWN_SECONDS = 1.5
CONNECTIONS = 400  # select() takes 512 sockets on Windows


class Site:
    """The site on a socket that listens already."""

    def __init__(self, sock: socket.socket, application: Callable[..., Any]) -> None:
        conf = get_conf()
        self._address = sock.getsockname()
        self._server = waitress.create_server(
            application,
            sockets=[sock],
            threads=conf.server_threads,
            connection_limit=CONNECTIONS,
            # The app refuses what is too large in its own words. This is for what is so large
            # that it should not even reach the disk.
            max_request_body_size=2 * conf.max_upload + 16 * 1024**2,
            ident=None,
            **_proxy(),
        )
        self._server.channel_class = Channel
        self._thread = threading.Thread(target=self._server.run, name="site", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def answers(self, host: str) -> bool:
        """Whether a request gets an answer, whatever it is."""
        place = "127.0.0.1" if self._address[0] == "0.0.0.0" else self._address[0]  # noqa: S104
        client = http.client.HTTPConnection("::1" if place == "::" else place, self._address[1], 30)
        try:
            client.request("GET", "/healthz", headers={"Host": host})
            return bool(client.getresponse().status)
        except OSError:
            return False
        finally:
            client.close()

    def is_alive(self) -> bool:
        """Whether the server still runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Take no more connections and give requests under way a moment to end."""
        self._server.accepting = False
        self._server.task_dispatcher.shutdown(timeout=SHUTDOWN_SECONDS)


def _proxy() -> dict[str, Any]:
    """With HTTPS a proxy is in front: let it say so, or every request would be sent round again."""
    if not settings.HTTPS:
        return {}
    return {"trusted_proxy": "*", "trusted_proxy_headers": "x-forwarded-proto"}
