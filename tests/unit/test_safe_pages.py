"""What is fetched for a user: of limited size, in limited time."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import httpx
import pytest

from tests.unit.web_server import WebServer, page
from webapp.safe_http import FetchRefused, Limits


def test_exactly_the_limit_passes_and_a_byte_more_does_not(site: WebServer) -> None:
    site.replies["/plain"] = page(b"x" * 1000)
    site.replies["/gzip"] = page(gzip.compress(b"x" * 1000), Content_Encoding="gzip")
    for path in ("/plain", "/gzip"):
        assert len(site.get(path, Limits(max_bytes=1000)).body) == 1000
        with pytest.raises(FetchRefused, match="larger than 999 bytes"):
            site.get(path, Limits(max_bytes=999))


@pytest.mark.parametrize("status", [200, 302])
def test_a_bomb_is_stopped_at_the_limit(site: WebServer, status: int) -> None:
    bomb = gzip.compress(b"\0" * 100_000_000)
    site.replies["/"] = page(bomb, status, Content_Encoding="gzip", Location="/next")
    site.replies["/next"] = page(bomb, Content_Encoding="gzip")
    tracemalloc.start()
    try:
        with pytest.raises(FetchRefused, match="larger than"):
            site.get(limits=Limits(max_bytes=1_000_000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


@contextmanager
def waiting_less(test: WebServer) -> Iterator[None]:
    with pytest.raises(httpx.TimeoutException):
        yield
    test.stopping.set()


def test_a_page_that_drips_is_stopped_in_time(site: WebServer) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not site.stopping.wait(0.02):
            handler.wfile.write(b"x")

    site.replies["/"] = drip
    with waiting_less(site):
        site.get(limits=Limits(seconds=0.3))


def test_headers_that_drip_are_stopped_in_time(site: WebServer) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not site.stopping.wait(0.02):
            handler.wfile.write(b"X: y\r\n")

    site.replies["/"] = drip
    with waiting_less(site):
        site.get(limits=Limits(seconds=0.3))


def test_a_server_that_goes_away_may_be_tried_again(site: WebServer) -> None:
    def leave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")

    site.replies["/"] = leave
    with pytest.raises(httpx.RemoteProtocolError):
        site.get()
