"""Bodies that the application answers while they come, under the web server of ``up``."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from jobs.core.held_requests import HOLD
from jobs.core.spool import Spool
from jobs.core.streamed_bodies import STREAM
from tests.waiting import wait_until
from webapp.up.server import Server, http_connection, http_server

SECONDS = 20.0
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson; charset=utf-8\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

GONE = {
    "left",
    "OSError: The client has left before the end of the body.",
    "OSError: The request ended before it was complete.",
}


class Application:
    """Answers each piece of a body with the same piece; at ``/whole`` with the body's length."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.calls = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        self.calls += 1
        start("200 OK", [])
        path = environ["PATH_INFO"]
        if path == "/whole" or STREAM not in environ:
            return [b"whole %d" % len(environ["wsgi.input"].read())]
        spool = environ[STREAM]()
        assert environ[STREAM]() is spool
        if path == "/error":
            return [b"an answer without a look at the body"]
        assert not environ[HOLD](None), "it is not held for anything else"
        return self.pieces(spool, path)

    def pieces(self, spool: Spool, path: str) -> Iterator[bytes]:
        try:
            while (data := spool.take()) is not None:
                yield data
                self.may_go_on.wait(SECONDS)
                if data and path == "/first":
                    return
            self.ended.append("whole")
        except Exception as error:  # noqa: BLE001
            self.ended.append(f"{type(error).__name__}: {error}")
            yield b"cut"
        except GeneratorExit:
            self.ended.append("left")
            raise
        finally:
            spool.close()


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def server(application: Application, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(http_server, "most_connections", lambda: 60)
    server = Server(socket.create_server(("127.0.0.1", 0)), application)
    server.start()
    yield server
    application.may_go_on.set()
    assert server.stop()


class Client:
    """Sends bytes, and reads what is answered of them."""

    def __init__(self, server: Server) -> None:
        self.socket = socket.create_connection(server.address[:2], SECONDS)
        self.received = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def until(self, expected: bytes) -> bytes:
        while expected not in self.received:
            data = self.socket.recv(65536)
            assert data, self.received
            self.received += data
        before, _, self.received = self.received.partition(expected)
        return before

    def rest(self) -> bytes:
        return self.received + b"".join(iter(lambda: self.socket.recv(65536), b""))


@pytest.fixture
def connect(server: Server) -> Iterator[Callable[[], Client]]:
    with ExitStack() as stack:

        def connect() -> Client:
            client = Client(server)
            stack.callback(client.socket.close)
            return client

        yield connect


Connect = Callable[[], Client]


def test_each_piece_is_answered_before_the_next_is_sent(
    application: Application, connect: Connect
) -> None:
    client = connect()
    client.send(CHUNKED)
    for number in range(5):
        client.chunk(b"piece %d\n" % number)
        client.until(b"piece %d\n" % number)
    client.send(b"0\r\n\r\n")
    client.until(b"0\r\n\r\n")
    assert application.ended == ["whole"]
    # The connection goes on, and the application was asked once.
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    client.until(b"whole 0")
    assert application.calls == 2


def test_a_body_of_known_length_is_answered_as_it_comes_too(
    application: Application, connect: Connect
) -> None:
    client = connect()
    client.send(HEAD + b"Content-Length: 6\r\n\r\n")
    for letter in (b"k", b"l", b"m"):
        client.send(letter + b"\n")
        client.until(letter + b"\n\r\n")
    client.until(b"0\r\n\r\n")
    assert application.ended == ["whole"]


def test_a_client_that_waits_to_be_told_is_told(connect: Connect) -> None:
    client = connect()
    client.send(HEAD + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.until(b"HTTP/1.1 100 Continue\r\n\r\n")
    client.chunk(b"now")
    client.until(b"3\r\nnow\r\n")


def test_who_sends_all_before_it_reads_gets_all(application: Application, connect: Connect) -> None:
    client, piece = connect(), b"0123456789abcdef" * 4000
    client.send(CHUNKED)
    for _ in range(100):
        client.chunk(piece)  # 6 MB: more than the sockets keep
    client.send(b"0\r\n\r\n")
    client.until(b"\r\n\r\n")
    body = b""
    while True:
        size = int(client.until(b"\r\n"), 16)
        if not size:
            break
        while len(client.received) < size + 2:
            client.received += client.socket.recv(1 << 20)
        body += client.received[:size]
        client.received = client.received[size + 2 :]
    assert body == piece * 100
    assert application.ended == ["whole"]


def test_many_who_send_nothing_for_a_while_hold_no_thread(connect: Connect) -> None:
    clients = [connect() for _ in range(40)]
    for client in clients:
        client.send(CHUNKED)
        client.chunk(b"a\n")
        client.until(b"a\n")
    other = connect()
    other.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    other.until(b"whole 0")
    for client in clients:
        client.chunk(b"b\n")
        client.until(b"b\n")


def test_a_client_that_leaves_ends_it(application: Application, connect: Connect) -> None:
    client = connect()
    client.send(CHUNKED)
    client.chunk(b"a\n")
    client.until(b"a\n")
    client.socket.close()
    wait_until(lambda: application.ended, what="the response is closed")
    assert application.ended[0] in GONE


def test_a_client_that_leaves_while_it_is_answered_ends_it(
    application: Application, connect: Connect
) -> None:
    client = connect()
    client.send(CHUNKED)
    client.chunk(b"a\n")
    client.until(b"a\n")
    application.may_go_on.clear()
    client.chunk(b"b\n")
    client.socket.close()
    application.may_go_on.set()
    wait_until(lambda: application.ended, what="the response is closed")
    assert application.ended[0] in GONE


@pytest.mark.parametrize(
    "end",
    [b"", b"5\r\nab", b"zz\r\n", b"-1\r\n"],
    ids=["between", "in a chunk", "no size", "minus"],
)
def test_a_body_that_is_cut_off_is_an_error_and_the_connection_ends(
    application: Application, connect: Connect, end: bytes
) -> None:
    client = connect()
    client.send(CHUNKED)
    client.chunk(b"a\n")
    client.until(b"a\n")
    client.send(end)
    if not end.endswith(b"\r\n"):
        client.socket.shutdown(socket.SHUT_WR)
    assert client.rest().endswith(b"3\r\ncut\r\n0\r\n\r\n")
    assert application.ended[0].startswith("OSError: ")


def test_a_body_may_not_be_longer_than_the_server_takes(
    application: Application, server: Server, connect: Connect
) -> None:
    server.max_body = 10
    client = connect()
    client.send(CHUNKED)
    client.chunk(b"a\n")
    client.until(b"a\n")
    client.chunk(b"b" * 9)
    assert b"cut" in client.rest()
    assert "10 bytes" in application.ended[0]


def test_an_application_may_want_no_more_of_it(connect: Connect) -> None:
    client = connect()
    client.send(CHUNKED.replace(b"/echo", b"/first"))
    client.chunk(b"a\n")
    client.until(b"a\n")
    client.until(b"0\r\n\r\n")
    client.chunk(b"b\n")
    client.socket.shutdown(socket.SHUT_WR)
    assert client.rest() == b""


def test_an_application_may_answer_at_once(connect: Connect) -> None:
    client = connect()
    client.send(CHUNKED.replace(b"/echo", b"/error"))
    client.until(b"without a look at the body")
    client.chunk(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    client.socket.shutdown(socket.SHUT_WR)
    assert client.rest() == b""


def test_an_application_may_take_it_whole(application: Application, connect: Connect) -> None:
    client = connect()
    client.send(CHUNKED.replace(b"/echo", b"/whole"))
    client.chunk(b"a\n")
    client.chunk(b"b\n")
    client.send(b"0\r\n\r\n")
    client.until(b"whole 4")


def test_one_that_came_with_its_head_is_whole(connect: Connect) -> None:
    client = connect()
    client.send(HEAD + b"Content-Length: 3\r\n\r\nabc")
    client.until(b"whole 3")


def test_a_client_that_sends_nothing_any_more_is_left(
    application: Application, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "SILENT_SECONDS", 0.0)
    client = connect()
    client.send(CHUNKED)
    client.until(b"3\r\ncut\r\n0\r\n\r\n")
    assert application.ended == ["OSError: Nothing of it came for 0 s."]


def test_a_server_that_stops_says_so(
    application: Application, server: Server, connect: Connect
) -> None:
    client = connect()
    client.send(CHUNKED)
    client.chunk(b"a\n")
    client.until(b"a\n")
    stopped: list[bool] = []
    stopping = threading.Thread(target=lambda: stopped.append(server.stop()))
    stopping.start()
    assert client.rest().endswith(b"3\r\ncut\r\n0\r\n\r\n")
    client.socket.close()
    stopping.join(SECONDS)
    assert stopped == [True]
    assert "Unavailable: The site is stopping." in application.ended[0]


def test_requests_behind_it_are_answered_after_it(connect: Connect) -> None:
    client = connect()
    client.send(HEAD + b"Content-Length: 4\r\n\r\na\n")
    client.until(b"a\n")
    client.send(b"b\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
    client.until(b"b\n")
    client.until(b"whole 0")
