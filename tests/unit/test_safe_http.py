"""Fetching what a user names: from the public internet only."""

from __future__ import annotations

import re
import socket
import threading
from ipaddress import ip_address
from typing import Any

import httpx
import pytest

from tests.unit.web_server import LOCAL_NETWORK, WebServer, page, redirect
from webapp.safe_http import CheckedTransport, FetchRefused, Limits, fetch, is_public, networks


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
def test_a_host_within_is_refused_before_anything_is_sent(site: WebServer, host: str) -> None:
    with pytest.raises((FetchRefused, httpx.ConnectError)) as caught:
        fetch(site.url(host=host))
    assert site.requested == []
    # A system that does not read 127.1 as an address has refused it in its own way.
    if isinstance(caught.value, FetchRefused):
        assert re.search("(is not|does not lead to) a public address", str(caught.value))


def test_a_name_with_one_address_within_is_refused(
    site: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_names(monkeypatch, [["8.8.8.8", "127.0.0.1"]])
    with pytest.raises(FetchRefused) as caught:
        fetch(site.url(host="both.example"))
    # Not the address: who may submit a task is not told which hosts the network has.
    assert str(caught.value) == (
        "both.example does not lead to a public address. Only public addresses are fetched."
    )
    assert site.requested == []


def test_named_networks_may_be_allowed(site: WebServer) -> None:
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

    monkeypatch.setattr("jobs.core.safe_http.addresses.socket.getaddrinfo", getaddrinfo)
    return asked


def test_a_name_is_resolved_once_and_still_sent_as_host(
    site: WebServer, monkeypatch: pytest.MonkeyPatch
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
    fetch(site.url(host="name.example"), None, LOCAL_NETWORK)
    assert asked == ["name.example"]
    assert connected == [("127.0.0.1", site.port)]
    assert site.hosts == [f"name.example:{site.port}"]


def test_where_the_socket_says_it_is_connected_to_is_checked_too(
    site: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the check of names wrong, this one would still hold."""
    monkeypatch.setattr("jobs.core.safe_http.transport.resolve", lambda *_: ["127.0.0.1"])
    with pytest.raises(FetchRefused, match=r"^name\.example does not lead to a public address"):
        fetch(site.url(host="name.example"))
    assert site.requested == []


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.2:{port}/", "http://[::1]:{port}/", "//10.0.0.1/", "http://169.254.169.254/x"],
)
def test_a_redirect_to_an_address_within_is_refused(site: WebServer, target: str) -> None:
    site.replies["/"] = redirect(target.format(port=site.port))
    with pytest.raises(FetchRefused, match="is not a public address"):
        site.get()
    assert site.requested == ["/"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x/"])
def test_a_redirect_to_another_scheme_is_refused(site: WebServer, target: str) -> None:
    site.replies["/"] = redirect(target)
    with pytest.raises(FetchRefused, match="only http and https"):
        site.get()


def test_redirects_are_followed_and_counted(site: WebServer) -> None:
    for number in range(20):
        site.replies[f"/{number}"] = redirect(f"/{number + 1}")
    site.replies["/20"] = page(b"end")
    assert site.get("/0").url == site.url("/20")
    with pytest.raises(FetchRefused, match="more than 19 redirects"):
        site.get("/0", limits=Limits(max_redirects=19))


def test_a_circle_of_redirects_ends(site: WebServer) -> None:
    site.replies["/"] = redirect("/")
    with pytest.raises(FetchRefused, match="more than 20 redirects"):
        site.get()
    assert len(site.requested) == 21


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("b", "/a/b"),
        ("../c?x=1", "/c?x=1"),
        ("?page=2", "/a/?page=2"),
        ("/b#part", "/b"),
        ("//127.0.0.1:{port}/b", "/b"),
        ("HTTP://127.0.0.1:{port}/b", "/b"),
        # What a browser corrects.
        ("  /b\t", "/b"),
        ("\\b\\c", "/b/c"),
        ("http:\\\\127.0.0.1:{port}\\b", "/b"),
        ("/a b", "/a%20b"),
        ("/b?q=a b\\c", "/b?q=a%20b\\c"),
        ("http://0x7f000001:{port}/b", "/b"),
    ],
)
def test_a_redirect_leads_where_it_does_in_a_browser(
    site: WebServer, location: str, path: str, status: int
) -> None:
    site.replies["/a/"] = page(b"", status, Location=location.format(port=site.port))
    site.replies[path] = page(b"end")
    assert site.get("/a/").url == site.url(path)


def test_a_redirect_without_a_target_is_a_page(site: WebServer) -> None:
    site.replies["/"] = page(b"look for yourself", 302)
    assert (site.get().status, site.get().body) == (302, b"look for yourself")


def test_a_cookie_is_sent_on_the_way(site: WebServer) -> None:
    site.replies["/"] = page(b"", 302, Location="/in", Set_Cookie="seen=1")
    site.replies["/in"] = page(b"end")
    assert site.get().body == b"end"
    assert [headers["Cookie"] for headers in site.headers] == [None, "seen=1"]


@pytest.mark.parametrize(
    "location",
    ["http://xn--n3h.example/", "http://☃.example/".encode().decode("latin-1"), "http://[::1",
     "http://a:99999/", "http://h:0/", "http://exa%20mple.org/"],
)  # fmt: skip
def test_a_redirect_to_what_is_no_url_is_refused(site: WebServer, location: str) -> None:
    site.replies["/"] = redirect(location)
    with pytest.raises(FetchRefused, match=r"not a URL|not valid|port 0"):
        site.get()


def test_a_secret_in_a_url_is_not_given_back(site: WebServer) -> None:
    site.replies["/"] = page(b"x")
    answer = fetch(f"http://user:secret@127.0.0.1:{site.port}/#here", None, LOCAL_NETWORK)
    assert answer.url == site.url("/")


def test_proxies_of_the_environment_are_not_used(
    site: WebServer, monkeypatch: pytest.MonkeyPatch
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
        monkeypatch.setattr("jobs.core.safe_http.transport.resolve", lambda *_: ["127.0.0.1"])
        with pytest.raises(httpx.ConnectError):
            fetch(f"https://name.example:{server.getsockname()[1]}/", None, LOCAL_NETWORK)
        thread.join()
    assert b"name.example" in hello[0]
    context = CheckedTransport()._pool._ssl_context
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_a_name_that_is_not_found_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("jobs.core.safe_http.addresses.socket.getaddrinfo", getaddrinfo)
    with pytest.raises(httpx.ConnectError, match=r"name\.example was not found"):
        fetch("http://name.example/")
