"""A web server for one test.

It runs on 127.0.0.1, whose network the tests allow by name; a test of a refused address uses one
outside of that network.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler

from webapp.safe_http import FetchedPage, Limits, fetch, networks

LOCAL_NETWORK = networks(["127.0.0.1/32"])

Reply = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class WebServer:
    """A web server's replies by path, and the requests that it got."""

    replies: dict[str, Reply] = field(default_factory=dict)
    requested: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    headers: list[Message] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def get(self, path: str = "/", limits: Limits | None = None) -> FetchedPage:
        return fetch(self.url(path), limits, LOCAL_NETWORK)


def page(body: bytes, status: int = 200, **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def redirect(target: str) -> Reply:
    return page(b"", 302, Location=target)
