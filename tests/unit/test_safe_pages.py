"""What is fetched for a user: of limited size, in limited time."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import httpx
import pytest

from tests.unit.web_server import WebServer, page
from webapp.safe_http import FetchRefused, Limits, title_of


@pytest.mark.parametrize(
    ("packing", "pack"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress)],
)
def test_a_packed_page_is_unpacked(
    site: WebServer, packing: str, pack: Callable[[bytes], bytes]
) -> None:
    site.replies["/"] = page(pack(b"hello" * 1000), Content_Encoding=packing)
    assert site.get().body == b"hello" * 1000


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


@pytest.mark.parametrize(
    ("packing", "body"),
    [("br", b"x"), ("gzip", b"x"), ("gzip", b"no gzip at all"), ("gzip, gzip", b"x")],
)
def test_a_page_in_a_strange_packing_is_refused(site: WebServer, packing: str, body: bytes) -> None:
    site.replies["/"] = page(body, Content_Encoding=packing)
    with pytest.raises(FetchRefused, match="packed"):
        site.get()


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


# --- Titles --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "title"),
    [
        (b"<title>A  &amp;\n B</title>", "text/html", "A & B"),
        (b"<TITLE lang='en'>Upper</TITLE>", "text/html; charset=utf-8", "Upper"),
        ("<title>Grüße</title>".encode("latin-1"), "text/html; charset=ISO-8859-1", "Grüße"),
        ('<meta charset="windows-1252"><title>é</title>'.encode("cp1252"), "text/html", "é"),
        ("<title>日本</title>".encode(), "", "日本"),
        (b"<title>x</title>", "text/html; charset=no-such", "x"),
        (b"<title>\xff</title>", "text/html; charset=idna", "\ufffd"),
        (b"<title>not html</title>", "application/json", ""),
        (b"<p>none</p>", "text/html", ""),
        (b"<title>" + b"x" * 999 + b"</title>", "text/html", "x" * 300),
        (b"<title" * 50_000, "text/html", ""),
    ],
)
def test_the_title_of_a_page(body: bytes, content_type: str, title: str) -> None:
    assert title_of(body, content_type) == title
