"""Requests that the web server of ``up`` holds without a thread, until there is news."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from jobs.core.held_requests import HELD, HOLD
from tests.waiting import wait_until
from webapp.up.server import Server, http_server
from webapp.up.server.holding import SHARE

SECONDS = 20.0


class News:
    """What requests wait for here."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds
        self.is_there = False
        self.begun = threading.Event()
        self.ended = threading.Event()
        self.wake: Callable[[], None] = lambda: None

    def begin(self, wake: Callable[[], None]) -> None:
        self.wake = wake
        self.begun.set()

    def end(self) -> None:
        self.ended.set()

    def come(self) -> None:
        self.is_there = True
        self.wake()


class Application:
    """Asks to be held until there is news: ``/wait``, or within a response, ``/events``."""

    def __init__(self) -> None:
        self.waits: list[News] = []
        self.bodies: list[bytes] = []
        self.lengths: list[str] = []
        self.ids: list[str] = []
        self.closed = threading.Event()
        self.seconds = SECONDS

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        path = environ["PATH_INFO"]
        if path == "/events":
            start("200 OK", [])
            return Events(self, environ[HOLD])
        if path != "/wait":
            start("200 OK", [])
            return [b"open"]
        self.bodies.append(environ["wsgi.input"].read())
        self.ids.append(environ["HTTP_X_REQUEST_ID"])
        self.lengths.append(environ.get("CONTENT_LENGTH", ""))
        wait = environ.get(HELD)
        if wait is None:
            wait = self.new_wait()
            applied = environ[HOLD](wait)
        elif not wait.is_there and time.monotonic() < wait.until:
            applied = environ[HOLD](wait)
        else:
            applied = False
        start("200 OK", [])
        return [b"news" if wait.is_there else b"dropped" if applied else b"none"]

    def new_wait(self) -> News:
        wait = News(self.seconds)
        self.waits.append(wait)
        return wait

    def wait(self, number: int = 0) -> News:
        """Return a wait that has begun."""
        wait_until(lambda: len(self.waits) > number, what="the request waits")
        assert self.waits[number].begun.wait(SECONDS)
        return self.waits[number]


class Events:
    """A response in pieces: one for each time there was news."""

    def __init__(self, application: Application, hold: Callable[[Any], bool]) -> None:
        self._application = application
        self._hold = hold
        self._wait: News | None = None

    def __iter__(self) -> Iterator[bytes]:
        yield b"begin\n"
        for number in range(3):
            wait = self._application.new_wait()
            while not wait.is_there:
                if not self._hold(wait):
                    return
                yield b""
            yield b"event %d\n" % number

    def close(self) -> None:
        self._application.closed.set()


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def server(application: Application, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(http_server, "most_connections", lambda: 40)
    server = Server(socket.create_server(("127.0.0.1", 0)), application)
    server.start()
    yield server
    assert server.stop()


@pytest.fixture
def connect(server: Server) -> Iterator[Callable[[], http.client.HTTPConnection]]:
    with ExitStack() as stack:

        def connect() -> http.client.HTTPConnection:
            host, port = server.address[:2]
            client = http.client.HTTPConnection(host, port, timeout=SECONDS)
            stack.callback(client.close)
            return client

        yield connect


Connect = Callable[[], http.client.HTTPConnection]


def asking(client: http.client.HTTPConnection, path: str = "/wait") -> http.client.HTTPConnection:
    client.request("GET", path)
    return client


def answer(client: http.client.HTTPConnection) -> bytes:
    return client.getresponse().read()


def test_a_request_waits_for_news_and_its_connection_goes_on(
    application: Application, connect: Connect
) -> None:
    client = asking(connect())
    application.wait().wake()  # no news: it is held again
    wait_until(lambda: len(application.bodies) == 2, what="the view is called again")
    application.waits[0].come()
    assert answer(client) == b"news"
    assert application.waits[0].ended.is_set()
    assert len(application.ids) == 3
    assert len(set(application.ids)) == 1, "it is one request"
    application.seconds = 0.0
    assert answer(asking(client)) == b"none"


def test_the_body_is_given_once(application: Application, connect: Connect) -> None:
    client = connect()
    client.request("POST", "/wait", b"a job")
    application.wait().come()
    assert answer(client) == b"news"
    assert (application.bodies, application.lengths) == ([b"a job", b""], ["5", "0"])


def test_without_news_a_request_is_answered_when_its_time_is_over(
    application: Application, connect: Connect
) -> None:
    application.seconds = 0.05
    assert answer(asking(connect())) == b"none"
    assert application.waits[0].ended.is_set()


def test_who_waits_holds_no_thread_and_too_many_are_answered_at_once(
    application: Application, connect: Connect
) -> None:
    most = int(40 * SHARE)
    clients = [asking(connect()) for _ in range(most)]
    waits = [application.wait(number) for number in range(most)]
    assert answer(asking(connect())) == b"none"
    assert answer(asking(connect(), "/open")) == b"open"
    clients.pop().close()
    wait_until(lambda: any(wait.ended.is_set() for wait in waits), what="one has left")
    assert answer_of_new(application, connect) == b"news"
    for wait in waits:
        wait.come()
    assert {answer(client) for client in clients} == {b"news"}


def answer_of_new(application: Application, connect: Connect) -> bytes:
    before = len(application.waits)
    client = asking(connect())
    application.wait(before).come()
    return answer(client)


def test_a_client_that_sends_no_more_is_answered_at_once(
    application: Application, connect: Connect
) -> None:
    client = asking(connect())
    application.wait()
    client.sock.shutdown(socket.SHUT_WR)
    assert answer(client) == b"none"


def test_news_for_a_client_that_has_left_is_no_error(
    application: Application, connect: Connect
) -> None:
    client = asking(connect())
    wait = application.wait()
    client.close()
    assert wait.ended.wait(SECONDS)
    wait.come()
    assert answer_of_new(application, connect) == b"news"


def test_a_server_that_stops_answers_those_who_wait(
    application: Application, server: Server, connect: Connect
) -> None:
    client, events = asking(connect()), asking(connect(), "/events")
    application.wait(0)
    application.wait(1)
    assert server.stop()
    assert answer(client) == b"none"
    assert answer(events) == b"begin\n"
    assert application.closed.is_set()


def test_a_response_in_pieces_is_held_between_them(
    application: Application, connect: Connect
) -> None:
    response = asking(connect(), "/events").getresponse()
    assert response.readline() == b"begin\n"
    for number in range(3):
        application.wait(number).wake()  # no news
        application.waits[number].come()
        assert response.readline() == b"event %d\n" % number
    assert response.read() == b""
    assert application.closed.wait(SECONDS)
    assert all(wait.ended.is_set() for wait in application.waits)


def test_a_response_in_pieces_is_closed_when_its_client_leaves(
    application: Application, connect: Connect
) -> None:
    client = asking(connect(), "/events")
    application.wait()
    client.close()
    assert application.closed.wait(SECONDS)
    assert application.waits[0].ended.is_set()
    assert answer_of_new(application, connect) == b"news"
