"""Fetching a page as a task: what it returns, and what is not worth another attempt."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import HttpUrl

from jobs.errors import GiveUp, InvalidArguments
from webapp.tasks.fetch_url import fetch_url

BODY = "<!doctype html><title>Grüße &amp; Küsse</title>".encode()


class Handler(BaseHTTPRequestHandler):
    """Answers each path but /old with a small page."""

    def do_GET(self) -> None:
        moved = self.path == "/old"
        self.send_response(301 if moved else 404)
        self.send_header("Location", "/new") if moved else None
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_page_is_described(address: str, settings: Any) -> None:
    settings.FETCH_ALLOW_NETWORKS = ["127.0.0.0/8"]
    found = fetch_url.call(HttpUrl(f"{address}/old"))
    assert (found.status, found.title, found.size) == (404, "Grüße & Küsse", len(BODY))
    assert found.url == f"{address}/new"
    assert found.seconds >= 0


def test_an_internal_address_is_given_up(address: str, settings: Any) -> None:
    settings.FETCH_ALLOW_NETWORKS = []
    with pytest.raises(GiveUp, match=r"^127\.0\.0\.1 is not a public address\. Only public"):
        fetch_url.call(HttpUrl(address))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/", "example.org", ""])
def test_what_is_no_web_address_is_refused_at_submission(url: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        fetch_url.spec.validate({"url": url})
    assert [error["pointer"] for error in caught.value.errors] == ["/url"]
