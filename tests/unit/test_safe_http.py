"""Fetching what a user names: from the public internet only, within limits, against real servers.

The servers run on 127.0.0.1, which is let pass by naming its network; every test of a refusal
then uses an address outside of it.
"""

from __future__ import annotations

import gzip
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

import httpx
import pytest

from webapp.safe_http import (
    Answer,
    CheckedTransport,
    Limits,
    Refused,
    fetch,
    is_public,
    networks,
    title_of,
)

HERE = networks(["127.0.0.1/32"])
Reply = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Site:
    """A web server for one test: what it answers by path, and what it was asked."""

    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def get(self, path: str = "/", limits: Limits | None = None) -> Answer:
        return fetch(self.url(path), limits, HERE)


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            found.hosts.append(self.headers.get("Host", ""))
            found.replies[self.path](self)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Say nothing of a client that has gone: that is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield found
        found.stopping.set()
        server.shutdown()
        thread.join()


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


# --- Addresses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1",
        "127.9.9.9", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.9",
        "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
        "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::ffff:8.8.8.8", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "100::1",
        "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "fc00::1", "fd12:3456::1",
        "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1",
    ],
)  # fmt: skip
def test_no_address_within_is_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "193.0.0.1",
     "2606:4700::1111", "2001:4860:4860::8888", "2a00:1450::1", "64:ff9b::8.8.8.8"],
)  # fmt: skip
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "localhost", "0.0.0.0", "[::1]", "[::]",
     "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "user:secret@127.0.0.1"],
)  # fmt: skip
def test_a_host_within_is_refused_before_anything_is_sent(site: Site, host: str) -> None:
    with pytest.raises((Refused, httpx.ConnectError)) as caught:
        fetch(site.url(host=host))
    assert site.asked == []
    # A system that does not read 127.1 as an address has refused it in its own way.
    if isinstance(caught.value, Refused):
        assert "is not a public address" in str(caught.value)


def test_a_name_with_one_address_within_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_names(monkeypatch, [["8.8.8.8", "127.0.0.1"]])
    with pytest.raises(Refused, match=r"both\.example \(127\.0\.0\.1\) is not a public address"):
        fetch(site.url(host="both.example"))
    assert site.asked == []


def test_named_networks_may_be_allowed(site: Site) -> None:
    site.replies["/"] = page(b"hello", Content_Type="text/plain")
    answer = site.get()
    assert (answer.status, answer.body, answer.content_type) == (200, b"hello", "text/plain")


def test_a_network_that_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        networks(["nonsense"])


# --- The address that is connected to ------------------------------------------------------


def answer_names(monkeypatch: pytest.MonkeyPatch, answers: list[list[str]]) -> list[str]:
    """Let the name server give these answers, one after the other; return who was asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in answers[len(asked) - 1]
        ]

    monkeypatch.setattr("webapp.safe_http.addresses.socket.getaddrinfo", getaddrinfo)
    return asked


def test_a_name_is_resolved_once_and_still_sent_as_host(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.replies["/"] = page(b"x")
    connected: list[tuple[str, int]] = []
    connect = socket.create_connection

    def create_connection(address: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
        connected.append(address)
        monkeypatch.undo()  # the system resolves its literal address in its own way
        return connect(address, *args, **kwargs)

    asked = answer_names(monkeypatch, [["127.0.0.1"]])
    monkeypatch.setattr("socket.create_connection", create_connection)
    fetch(site.url(host="name.example"), None, HERE)
    assert asked == ["name.example"]
    assert connected == [("127.0.0.1", site.port)]
    assert site.hosts == [f"name.example:{site.port}"]


def test_where_the_socket_says_it_is_connected_to_is_checked_too(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the check of names wrong, this one would still hold."""
    monkeypatch.setattr("webapp.safe_http.transport.resolve", lambda *_: ["127.0.0.1"])
    with pytest.raises(Refused, match=r"127\.0\.0\.1"):
        fetch(site.url(host="name.example"))
    assert site.asked == []


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.2:{port}/", "http://[::1]:{port}/", "//10.0.0.1/", "http://169.254.169.254/x"],
)
def test_a_redirect_to_an_address_within_is_refused(site: Site, target: str) -> None:
    site.replies["/"] = redirect(target.format(port=site.port))
    with pytest.raises(Refused, match="is not a public address"):
        site.get()
    assert site.asked == ["/"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x/"])
def test_a_redirect_to_another_scheme_is_refused(site: Site, target: str) -> None:
    site.replies["/"] = redirect(target)
    with pytest.raises(Refused, match="only http and https"):
        site.get()


def test_redirects_are_followed_and_counted(site: Site) -> None:
    site.replies["/"] = redirect("/1")
    site.replies["/1"] = redirect("/2")
    site.replies["/2"] = page(b"end")
    assert site.get().url == site.url("/2")
    with pytest.raises(Refused, match="more than 1 redirects"):
        site.get(limits=Limits(max_redirects=1))


def test_a_secret_in_a_url_is_not_given_back(site: Site) -> None:
    site.replies["/"] = page(b"x")
    answer = fetch(f"http://user:secret@127.0.0.1:{site.port}/#here", None, HERE)
    assert answer.url == site.url("/")


def test_proxies_of_the_environment_are_not_used(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site.replies["/"] = page(b"direct")
    assert site.get().body == b"direct"


def test_tls_asks_for_the_name_and_checks_the_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        hello: list[bytes] = []

        def listen() -> None:
            connection, _ = server.accept()
            with connection:
                hello.append(connection.recv(4096))

        thread = threading.Thread(target=listen)
        thread.start()
        monkeypatch.setattr("webapp.safe_http.transport.resolve", lambda *_: ["127.0.0.1"])
        with pytest.raises(httpx.ConnectError):
            fetch(f"https://name.example:{server.getsockname()[1]}/", None, HERE)
        thread.join()
    assert b"name.example" in hello[0]
    context = CheckedTransport()._pool._ssl_context
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/", "http://", "x", "//h"])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        fetch(url)


def test_a_label_that_is_too_long_is_refused() -> None:
    with pytest.raises(Refused):
        fetch(f"http://{'a' * 64}.example/")


def test_a_name_that_is_not_found_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("webapp.safe_http.addresses.socket.getaddrinfo", getaddrinfo)
    with pytest.raises(httpx.ConnectError, match=r"name\.example was not found"):
        fetch("http://name.example/")


# --- Size and time -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packing", "pack"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress)],
)
def test_a_packed_page_is_unpacked(
    site: Site, packing: str, pack: Callable[[bytes], bytes]
) -> None:
    site.replies["/"] = page(pack(b"hello" * 1000), Content_Encoding=packing)
    assert site.get().body == b"hello" * 1000


def test_exactly_the_limit_passes_and_a_byte_more_does_not(site: Site) -> None:
    site.replies["/plain"] = page(b"x" * 1000)
    site.replies["/gzip"] = page(gzip.compress(b"x" * 1000), Content_Encoding="gzip")
    for path in ("/plain", "/gzip"):
        assert len(site.get(path, Limits(max_bytes=1000)).body) == 1000
        with pytest.raises(Refused, match="larger than 999 bytes"):
            site.get(path, Limits(max_bytes=999))


@pytest.mark.parametrize("status", [200, 302])
def test_a_bomb_is_stopped_at_the_limit(site: Site, status: int) -> None:
    bomb = gzip.compress(b"\0" * 100_000_000)
    site.replies["/"] = page(bomb, status, Content_Encoding="gzip", Location="/next")
    site.replies["/next"] = page(bomb, Content_Encoding="gzip")
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="larger than"):
            site.get(limits=Limits(max_bytes=1_000_000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize(
    ("packing", "body"),
    [("br", b"x"), ("gzip", b"x"), ("gzip", b"no gzip at all"), ("gzip, gzip", b"x")],
)
def test_a_page_in_a_strange_packing_is_refused(site: Site, packing: str, body: bytes) -> None:
    site.replies["/"] = page(body, Content_Encoding=packing)
    with pytest.raises(Refused, match="packed"):
        site.get()


@contextmanager
def waiting_less(test: Site) -> Iterator[None]:
    with pytest.raises(httpx.TimeoutException):
        yield
    test.stopping.set()


def test_a_page_that_drips_is_stopped_in_time(site: Site) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not site.stopping.wait(0.02):
            handler.wfile.write(b"x")

    site.replies["/"] = drip
    with waiting_less(site):
        site.get(limits=Limits(seconds=0.3))


def test_headers_that_drip_are_stopped_in_time(site: Site) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not site.stopping.wait(0.02):
            handler.wfile.write(b"X: y\r\n")

    site.replies["/"] = drip
    with waiting_less(site):
        site.get(limits=Limits(seconds=0.3))


def test_a_server_that_goes_away_may_be_tried_again(site: Site) -> None:
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
