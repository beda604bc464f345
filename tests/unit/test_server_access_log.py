"""The access log of the server of ``up``: one line for each request, whatever becomes of it."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobs.core.held_requests import HELD, HOLD
from jobs.core.log_lines import LineFormatter
from tests.waiting import wait_until
from webapp.up.server import Server
from webapp.up.server.access_log import LEFT, NOTES

SECONDS = 20.0
Records = list[logging.LogRecord]


class Never:
    """News that never comes."""

    def __init__(self) -> None:
        self.until = time.monotonic() + SECONDS
        self.begun = False

    def begin(self, wake: Callable[[], None]) -> None:
        self.begun = True

    def end(self) -> None:
        """There is nothing to end."""


class Application:
    def __init__(self) -> None:
        self.wait = Never()
        self.has_notes: list[bool] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        path = environ["PATH_INFO"]
        self.has_notes.append(NOTES in environ)
        if NOTES in environ:
            environ[NOTES].update(client="192.0.2.7", user="ada lovelace", by_token=True)
        if path == "/wait":
            if HELD not in environ:
                environ[HOLD](self.wait)
            start("200 OK", [])
            return [b"dropped"]
        if path == "/fails":
            raise ValueError("ours")
        start("404 Not Found" if path == "/none" else "200 OK", [])
        environ["wsgi.input"].read()
        return iter([b"a", b"bc"]) if path == "/pieces" else [b"whole"]


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def records() -> Iterator[Records]:
    found: Records = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record)

    kept, logger = Kept(), logging.getLogger("webapp.access")
    logger.addHandler(kept)
    yield found
    logger.removeHandler(kept)


def serve(application: Application, has_access_log: bool) -> Iterator[Server]:
    sock = socket.create_server(("127.0.0.1", 0))
    server = Server(sock, application, has_access_log=has_access_log)
    server.start()
    yield server
    assert server.stop()


@pytest.fixture
def server(application: Application) -> Iterator[Server]:
    yield from serve(application, True)


@pytest.fixture
def quiet(application: Application) -> Iterator[Server]:
    yield from serve(application, False)


def ask(server: Server, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    host, port = server.address[:2]
    client = http.client.HTTPConnection(host, port, timeout=SECONDS)
    client.request(method, path, body, {name.replace("_", "-"): headers[name] for name in headers})
    try:
        return client.getresponse().read()
    finally:
        client.close()


def the_one(records: Records) -> dict[str, Any]:
    wait_until(lambda: len(records) == 1, what="the line is written")
    return vars(records[0])


@pytest.mark.parametrize(
    ("method", "path", "status", "size"),
    [
        ("GET", "/", 200, 5),
        ("HEAD", "/", 200, 0),
        ("POST", "/none", 404, 5),
        ("GET", "/pieces", 200, 3),
        ("GET", "/fails", 500, 0),
    ],
)
def test_a_request_is_a_line(
    server: Server, records: Records, method: str, path: str, status: int, size: int
) -> None:
    ask(server, method, path, X_Request_Id="order-7")
    found = the_one(records)
    assert (found["method"], found["path"]) == (method, path)
    assert (found["status"], found["bytes"]) == (status, size)
    assert (found["client"], found["user"]) == ("192.0.2.7", "ada lovelace")
    assert (found["by_token"], found["request_id"]) == (True, "order-7")
    assert 0 <= found["ms"] < 1000 * SECONDS


def test_the_line_is_one_and_has_no_query(server: Server, records: Records) -> None:
    ask(server, "GET", "/a%0Ab%20c/%C3%A9?token=secret", X_Request_Id="order-7")
    the_one(records)
    line = LineFormatter().format(records[0])
    assert ' 192.0.2.7 ada%20lovelace/token "GET /a%0Ab%20c/%C3%A9" 200 5 ' in line
    assert "INFO webapp.access: " in line
    assert line.endswith(" ms [order-7]")
    assert "secret" not in line
    assert "\n" not in line


def test_a_formatter_makes_json_of_it(server: Server, records: Records) -> None:
    ask(server, "GET", "/", X_Request_Id="order-7")
    found = the_one(records)
    names = ("client", "user", "by_token", "method", "path", "status", "bytes", "ms", "request_id")
    assert json.loads(json.dumps({name: found[name] for name in names}))["status"] == 200


def test_what_the_server_refuses_is_a_line_as_well(server: Server, records: Records) -> None:
    with socket.create_connection(server.address[:2], SECONDS) as client:
        client.sendall(b"\x16\x03\x01\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        response = b"".join(iter(lambda: client.recv(4096), b"")).decode()
    found = the_one(records)
    assert (found["status"], found["method"], found["path"]) == (400, "-", "-")
    assert found["client"] == "127.0.0.1"
    assert f"X-Request-Id: {found['request_id']}\r\n" in response
    assert found["bytes"] == len(response.partition("\r\n\r\n")[2])


def test_a_body_that_is_too_large_is_a_line(server: Server, records: Records) -> None:
    with socket.create_connection(server.address[:2], SECONDS) as client:
        client.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(4096).startswith(b"HTTP/1.1 413")
    found = the_one(records)
    assert (found["status"], found["method"], found["path"]) == (413, "POST", "/x")


@pytest.mark.parametrize("sent", ["GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_a_client_that_leaves_while_it_waits_is_a_line(
    server: Server, application: Application, records: Records, sent: str
) -> None:
    with socket.create_connection(server.address[:2], SECONDS) as client:
        client.sendall(sent.encode())
        wait_until(lambda: application.wait.begun, what="the request is held")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    found = the_one(records)
    assert (found["status"], found["path"]) == (LEFT, "/wait")


def test_a_client_that_leaves_within_its_body_is_a_line(server: Server, records: Records) -> None:
    with socket.create_connection(server.address[:2], SECONDS) as client:
        client.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    found = the_one(records)
    assert (found["status"], found["method"], found["path"]) == (LEFT, "POST", "/x")


def test_without_the_option_nothing_is_written_or_asked_for(
    quiet: Server, application: Application, records: Records
) -> None:
    for path in ("/", "/pieces"):
        assert ask(quiet, "GET", path)
    assert records == []
    assert application.has_notes == [False, False]
