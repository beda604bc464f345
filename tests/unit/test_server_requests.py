"""What the web server takes for a request, byte by byte: RFC 9112, sections 2 to 8."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobs.core.request_ids import accepted_request_id
from webapp.up.server import Server
from webapp.up.server.received_body import UNASKED
from webapp.up.server.request_line import MAX_LINE
from webapp.up.server.request_reader import MAX_HEAD, MAX_KEPT, RequestReader

SECONDS = 20.0
POST = "POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"


class Echo:
    """Responds with what it got; ``bodies`` are those that it read."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        kept = {key: value for key, value in environ.items() if isinstance(value, str)}
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self.bodies.append(body)
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({**kept, "body": body.decode()}).encode()]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Echo, tuple[str, int]]]:
    listening = socket.create_server(("127.0.0.1", 0))
    address: tuple[str, int] = listening.getsockname()
    echo = Echo()
    server = Server(listening, echo)
    server.start()
    yield echo, address
    assert server.stop()


@pytest.fixture
def echo(served: tuple[Echo, Any]) -> Echo:
    served[0].bodies.clear()
    return served[0]


Send = Callable[..., list[tuple[int, str, Any]]]


@pytest.fixture
def send(served: tuple[Any, tuple[str, int]]) -> Send:
    """Send bytes, and no more; return the responses: status, head and JSON."""

    def sender(*parts: str) -> list[tuple[int, str, Any]]:
        with socket.create_connection(served[1], SECONDS) as client:
            for part in parts:
                client.sendall(part.encode("latin-1"))
            client.shutdown(socket.SHUT_WR)
            received = b"".join(iter(lambda: client.recv(65536), b"")).decode("latin-1")
        found = []
        while received:
            head, _, received = received.partition("\r\n\r\n")
            length = int(head.lower().partition("content-length:")[2].partition("\r\n")[0])
            body, received = received[:length], received[length:]
            found.append((int(head.split()[1]), head, json.loads(body)))
        return found

    return sender


@pytest.mark.parametrize(
    "rest",
    [
        "3\r\nabc\r\n",
        "3\r\nab",
        "3\r\nabc\r\n0\r\n",
        "3\r\nabc\r\nzz\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "3\nabc\n0\n\n",
        "3\r\nabcdef\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
        f"3;{'x' * 2 * MAX_HEAD}",
        f"3\r\nabc\r\n0\r\nTrailer: {'x' * 2 * MAX_HEAD}",
    ],
    ids=lambda rest: rest[:24],
)
def test_chunks_that_are_broken_or_cut_off_are_no_body(echo: Echo, send: Send, rest: str) -> None:
    ((status, head, problem),) = send(CHUNKED, rest)
    assert status == 400
    assert "application/problem+json" in head
    assert problem["status"] == 400
    assert problem["detail"]
    assert echo.bodies == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: gzip", 400),
        ("Transfer-Encoding: chunked, gzip", 400),
        ("Transfer-Encoding: xchunked", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 13", 400),
        ("Content-Length: 13\r\nTransfer-Encoding: chunked", 400),
        ("Content-Length: 13\r\nContent-Length: 13", 400),
        ("Content-Length: 13\r\nContent-Length: 12", 400),
        ("Content-Length: 13, 13", 400),
        ("Content-Length: +13", 400),
        ("Content-Length: -13", 400),
        ("Content-Length: 1_3", 400),
        ("Content-Length: 0xd", 400),
        ("Content-Length : 13", 400),
        ("Content-Length: 14", 400),
        ("Content-Length: 99999999999999999999999", 413),
        ("Content-Length: 00000000000000000000013", 413),
        ("Content-Length: 999999999999", 413),
        ("Host: y", 400),
        ("Expect: something", 417),
        (" folded: yes", 400),
        ("bare: line\nfeed: yes", 400),
        ("zero: \0", 400),
        ("many: " + "x" * MAX_HEAD, 431),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_head_that_could_be_understood_in_two_ways_is_refused(
    echo: Echo, send: Send, fields: str, expected: int
) -> None:
    responses = send(f"{POST}{fields}\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    assert [status for status, _, _ in responses] == [expected]
    assert echo.bodies == []


@pytest.mark.parametrize(
    "line",
    [
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\nHost: x\r\n",
        "GET nowhere HTTP/1.1\r\nHost: x\r\n",
        "G@T / HTTP/1.1\r\nHost: x\r\n",
        "GET / HTTPS/1.1\r\nHost: x\r\n",
        "GET / HTTP/1.10\r\nHost: x\r\n",
        "GET /",
        "get\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n",
        "\x16\x03\x01\x02",
    ],
)
def test_what_is_no_request_is_refused(echo: Echo, send: Send, line: str) -> None:
    ((status, _, _),) = send(f"{line}\r\n")
    assert status == 400
    assert echo.bodies == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"GET /{'x' * MAX_LINE} HTTP/1.1", 414),
        (f"GET /?{'x' * 10 * MAX_HEAD} HTTP/1.1", 414),
        (f"GET {'/x' * MAX_HEAD}", 414),
        ("X" * 2 * MAX_LINE, 501),
        ("BREW / HTTP/1.1", 501),
        ("get / HTTP/1.1", 501),
        ("CONNECT x:80 HTTP/1.1", 501),
        ("GET / HTTP/0.9", 505),
        ("GET / HTTP/1.2", 505),
        ("GET / HTTP/2.0", 505),
        ("GET / HTTP/3.0", 505),
        ("PRI * HTTP/2.0", 505),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_first_line_is_refused_by_what_is_wrong_with_it(
    echo: Echo, send: Send, line: str, expected: int
) -> None:
    ((status, head, problem),) = send(f"{line}\r\nHost: x\r\n\r\n")
    assert (status, problem["status"]) == (expected, expected)
    assert "application/problem+json" in head
    assert len(problem["detail"]) < 100
    assert echo.bodies == []


def test_an_address_may_be_long(send: Send) -> None:
    ((status, _, got),) = send(f"GET /?{'x' * (MAX_LINE - 100)} HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, len(got["QUERY_STRING"])) == (200, MAX_LINE - 100)


def test_each_request_has_an_id_also_where_the_heads_are_the_same(send: Send) -> None:
    get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    made = [got["HTTP_X_REQUEST_ID"] for _, _, got in send(get, get, get)]
    assert len(set(made)) == 3
    named = get.replace("Host", "X-Request-Id: order-7\r\nHost")
    assert [got["HTTP_X_REQUEST_ID"] for _, _, got in send(named, named)] == ["order-7"] * 2
    twice = named.replace("Host", "X-Request-Id: order-8\r\nHost")
    assert "order" not in send(twice)[0][2]["HTTP_X_REQUEST_ID"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("GET /\0", 400),
        (f"GET /{'x' * MAX_LINE} HTTP/1.1", 414),
        (f"{POST}X: {'x' * MAX_HEAD}", 431),
        (f"{POST}X-Request-Id: order-7\r\nContent-Length: 999999999999\r\n\r\n", 413),
        (f"{POST}X-Request-Id: order-7\r\nContent-Length: 9\r\n\r\nabc", 400),
        (f"{POST}X-Request-Id: a b\r\nContent-Length: 9\r\n\r\nabc", 400),
    ],
    ids=lambda value: str(value)[-20:],
)
def test_what_the_server_refuses_has_an_id_too(send: Send, sent: str, expected: int) -> None:
    ((status, head, _),) = send(sent)
    made = head.partition("X-Request-Id: ")[2].partition("\r\n")[0]
    assert status == expected
    assert made == ("order-7" if "order-7" in sent else accepted_request_id(made))


def test_what_the_application_gets_of_a_request(send: Send) -> None:
    ((status, _, got),) = send(
        "\r\nGET /a%20b%C3%A9?q=%20 HTTP/1.1\r\nhost: x\r\nX-One: 1\r\nx-one: 2\r\n"
        "Cookie: a=1\r\nCookie: b=2\r\nX_Forwarded_Proto: https\r\nContent-Type: text/plain\r\n\r\n"
    )
    assert status == 200
    assert got["PATH_INFO"] == "/a bé".encode().decode("latin-1")
    assert got["QUERY_STRING"] == "q=%20"
    assert got["HTTP_X_ONE"] == "1,2"
    assert got["HTTP_COOKIE"] == "a=1; b=2"
    assert got["CONTENT_TYPE"] == "text/plain"
    assert got["REMOTE_ADDR"] == "127.0.0.1"
    assert "HTTP_X_FORWARDED_PROTO" not in got


def test_a_whole_url_is_a_path(send: Send) -> None:
    sent = [
        send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")[0][2]
        for target in ("http://x/y?z", "http://x", "http://x?z", "/http://x")
    ]
    assert [got["PATH_INFO"] for got in sent] == ["/y", "/", "/", "/http://x"]
    assert [got["QUERY_STRING"] for got in sent] == ["z", "", "z", ""]


def test_requests_that_follow_at_once_are_answered_in_their_order(send: Send) -> None:
    one = f"{POST}Content-Length: 1\r\n\r\n"
    sent = f"{one}aGET /b HTTP/1.1\r\nHost: x\r\n\r\n{one}c{one}d"
    assert [got["body"] for _, _, got in send(sent)] == ["a", "", "c", "d"]
    assert [got["body"] for _, _, got in send(*sent)] == ["a", "", "c", "d"]


def test_the_same_head_again_is_another_request(send: Send, echo: Echo) -> None:
    get = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
    post = f"{POST}Content-Length: 1\r\n\r\n"
    longer = f"{POST}Content-Length: 10\r\n\r\n"
    other = get.replace("/a", "/b")
    parts = [get, get, f"{post}a", f"{post}b", get + get, other, f"{longer}0123456789", f"{post}c"]
    parts += [get, f"{CHUNKED}1\r\nd\r\n0\r\n\r\n"]
    sent = [got for _, _, got in send(*parts)]
    bodies = ["", "", "a", "b", "", "", "", "0123456789", "c", "", "d"]
    assert [got["body"] for got in sent] == bodies
    paths = ["/a", "/a", "/", "/", "/a", "/a", "/b", "/", "/", "/a", "/"]
    assert [got["PATH_INFO"] for got in sent] == paths


def test_chunks_between_two_requests_with_one_head() -> None:
    reader, bodies = RequestReader(), list[bytes]()
    get, chunked = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", CHUNKED.encode()
    for _ in range(2):
        for _ in range(2):
            assert reader.read_head(get + chunked[:5])
            assert reader.rest == chunked[:5]
        head = reader.read_head(chunked + b"1\r\n")
        assert (head and head.length, reader.rest) == (None, b"1\r\n")
        assert reader.read_body(b"1\r\nd\r\n0\r\n\r\n", bodies.append)
    assert bodies == [b"d", b"d"]


def test_a_long_head_is_not_kept(send: Send) -> None:
    long = f"GET / HTTP/1.1\r\nHost: x\r\nX-Long: {'x' * MAX_KEPT}\r\n\r\n"
    reader = RequestReader()
    for head, is_kept in ((long, False), ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", True)):
        assert reader.read_head(head.encode()) is not None
        assert (reader._kept is not None) is is_kept
    assert [status for status, _, _ in send(long, long)] == [200, 200]


def test_behind_chunks_a_connection_ends_if_more_came_at_once(send: Send) -> None:
    ((status, head, got),) = send(f"{CHUNKED}3\r\nabc\r\n0\r\nX-One: 1\r\n\r\nGET / HTTP/1.1\r\n")
    assert (status, got["body"]) == (200, "abc")
    assert "Connection: close" in head
    assert "HTTP_X_ONE" not in got
    assert "HTTP_TRANSFER_ENCODING" not in got
    assert got["CONTENT_LENGTH"] == "3"


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_a_wish_for_another_protocol_is_ignored(send: Send, framing: str) -> None:
    """Java's client sends it with its first request, whatever that is."""
    upgrade = f"{POST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n"
    rest = "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    if framing == "length":
        rest = "Content-Length: 3\r\n\r\nabc"
    ((status, _, got),) = send(upgrade + rest)
    assert (status, got["body"]) == (200, "abc")


@pytest.mark.parametrize("size", [2, UNASKED + 1])
def test_a_client_may_expect_to_be_told_to_go_on(
    served: tuple[Echo, tuple[str, int]], size: int
) -> None:
    with socket.create_connection(served[1], SECONDS) as client:
        client.sendall(f"{POST}Expect: 100-continue\r\nContent-Length: {size}\r\n\r\n".encode())
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"x" * size)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_http_1_0(send: Send) -> None:
    ((status, head, got),) = send("GET / HTTP/1.0\r\n\r\n")
    assert (status, got["SERVER_PROTOCOL"]) == (200, "HTTP/1.0")
    assert "Connection: close" in head
    ((_, head, _), _) = send(
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n"
    )
    assert "Connection: keep-alive" in head
