"""The web server: connections, bodies and answers as an application and a client rely on them."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from webapp.up.server import Server
from webapp.up.server.received_body import IN_MEMORY

SECONDS = 20.0


class Application:
    """A small application: it echoes, holds, breaks, or answers with the status of the path."""

    def __init__(self) -> None:
        self.held = threading.Semaphore(0)
        self.release = threading.Event()
        self.closed = threading.Event()
        self.bodies: list[tuple[str, int]] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        path = environ["PATH_INFO"]
        if path == "/echo":
            body = environ["wsgi.input"].read()
            self.bodies.append((environ["CONTENT_LENGTH"], len(body)))
            start("200 OK", [])
            return [body]
        if path == "/file":
            start("200 OK", [])
            return Pieces(self.closed)
        if path == "/broken":
            raise RuntimeError("no answer")
        if path == "/hold":
            self.held.release()
            self.release.wait(SECONDS)
        status = path.strip("/") if path[1:].isdigit() else "200"
        body = b"" if status in {"204", "304"} else b"text"
        start(f"{status} Answer", [("Content-Length", "4")] if body else [("ETag", '"1"')])
        return [body]


class Pieces:
    """An answer that is made as it is sent."""

    def __init__(self, closed: threading.Event) -> None:
        self._closed = closed

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"a" * 100_000, b"b" * 100_000])

    def close(self) -> None:
        self._closed.set()


@pytest.fixture
def application() -> Application:
    return Application()


def serve(application: Application) -> tuple[Server, tuple[str, int]]:
    listening = socket.create_server(("127.0.0.1", 0))
    address: tuple[str, int] = listening.getsockname()
    server = Server(listening, application)
    server.start()
    return server, address


@pytest.fixture
def address(application: Application) -> Iterator[tuple[str, int]]:
    server, address = serve(application)
    yield address
    application.release.set()
    assert server.stop()
    assert not server.is_alive()


@pytest.fixture
def client(address: tuple[str, int]) -> Iterator[http.client.HTTPConnection]:
    client = http.client.HTTPConnection(*address, timeout=SECONDS)
    yield client
    client.close()


def ask(client: http.client.HTTPConnection, status: int, **headers: str) -> Any:
    client.request("GET", f"/{status}", headers=headers)
    answer = client.getresponse()
    assert answer.status == status
    answer.read()
    return answer


def test_answers_without_a_body_keep_the_connection(client: http.client.HTTPConnection) -> None:
    ask(client, 200)
    first = client.sock
    for status in (304, 204, 304, 200):
        answer = ask(client, status)
        assert not answer.will_close, status
        assert answer.headers["Connection"] is None
        assert client.sock is first


def test_a_client_can_ask_for_the_end_of_its_connection(
    client: http.client.HTTPConnection,
) -> None:
    assert ask(client, 304, Connection="close").will_close


@pytest.mark.parametrize("size", [0, 1, IN_MEMORY, IN_MEMORY + 1, 3 * 1024**2])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_arrives_whole_with_its_length(
    client: http.client.HTTPConnection, application: Application, size: int, *, chunked: bool
) -> None:
    body = b"x" * size
    client.request("POST", "/echo", iter([body]) if chunked else body, encode_chunked=chunked)
    assert client.getresponse().read() == body
    told, read = application.bodies[0]
    assert (int(told or 0), read) == (size, size)


def test_a_body_that_ends_too_early_never_reaches_the_application(
    address: tuple[str, int], client: http.client.HTTPConnection, application: Application
) -> None:
    with socket.create_connection(address) as broken:
        broken.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        broken.shutdown(socket.SHUT_WR)
        broken.settimeout(SECONDS)
        assert b"200" not in broken.recv(4096)[:20]
    ask(client, 200)
    assert application.bodies == []


def test_slow_bodies_do_not_hold_up_other_requests(
    address: tuple[str, int], client: http.client.HTTPConnection
) -> None:
    slow = [socket.create_connection(address) for _ in range(24)]
    try:
        for one in slow:
            one.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        ask(client, 200)
        for one in slow:
            one.sendall(b" later")
            one.settimeout(SECONDS)
            assert b"200 OK" in one.recv(4096)
    finally:
        for one in slow:
            one.close()


def test_an_answer_in_pieces_arrives_whole_and_is_closed(
    client: http.client.HTTPConnection, application: Application
) -> None:
    client.request("GET", "/file")
    assert client.getresponse().read() == b"a" * 100_000 + b"b" * 100_000
    assert application.closed.wait(SECONDS)


def test_an_error_in_the_application_is_a_500(client: http.client.HTTPConnection) -> None:
    client.request("GET", "/broken")
    assert client.getresponse().status == 500


def test_head_has_no_body(client: http.client.HTTPConnection) -> None:
    client.request("HEAD", "/200")
    answer = client.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    ask(client, 200)


def test_it_stops_although_a_connection_stays_open(application: Application) -> None:
    server, (host, port) = serve(application)
    client = http.client.HTTPConnection(host, port, timeout=SECONDS)
    ask(client, 200)
    assert server.is_alive()
    assert server.stop()
    assert not server.is_alive()
    with pytest.raises(OSError, match=r"."):
        socket.create_connection((host, port), SECONDS)
    client.close()


def test_stop_returns_whether_all_requests_have_ended(application: Application) -> None:
    server, (host, port) = serve(application)
    client = http.client.HTTPConnection(host, port, timeout=SECONDS)
    client.request("GET", "/hold")
    assert application.held.acquire(timeout=SECONDS)
    assert not server.stop()
    assert server.is_alive()
    application.release.set()
    assert client.getresponse().read() == b"text"
    assert server.stop()
    client.close()
