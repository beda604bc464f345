"""A web server for tests that fetch, an empty registry for tests that declare tasks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from jobs.catalog import all_tasks, registry
from tests.unit.web_server import WebServer


@pytest.fixture
def site() -> Iterator[WebServer]:
    found = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.requested.append(self.path)
            found.hosts.append(self.headers.get("Host", ""))
            found.headers.append(self.headers)
            found.replies[self.path](self)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Ignore clients that have gone: some tests are about them."""

    with Server(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield found
        found.stopping.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Empty the registry of tasks; return what the test declares."""
    all_tasks()
    found: dict[str, Any] = {}
    monkeypatch.setattr(registry, "_declared", found)
    monkeypatch.setattr(registry, "_by_name", {})
    return found
