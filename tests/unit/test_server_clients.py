"""Clients that are slow, many, or send what nobody wants: they cost neither threads nor disk."""

from __future__ import annotations

import http.client
import io
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.api.request_body import KEEPS_PART
from tests.waiting import wait_until
from webapp.up.server import Server, connections, http_connection, http_server, received_body
from webapp.up.server.connections import Connections, network
from webapp.up.server.http_connection import HttpConnection
from webapp.up.server.pace import GRACE_SECONDS, RATE, STUCK_SECONDS, Pace
from webapp.up.server.received_body import UNASKED, BodyNotReceived
from webapp.up.server.work_queue import COMPUTING, WorkQueue

SECONDS = 20.0
BIG = 64 * 1024**2
_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # a close is a reset
Address = tuple[str, int]
Serve = Callable[..., Address]


class Application:
    """``/closed`` refuses by the head; ``/open`` reads the body; ``/part`` takes a part of it as
    well; ``/big`` sends a lot; ``/wait`` waits."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.asked: list[str] = []
        self.parts: list[bytes] = []
        self.sent = 0
        self.closed = threading.Event()
        self.waiting = threading.Semaphore(0)
        self.release = threading.Event()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.asked.append(path)
        if path == "/closed":
            start("401 Unauthorized", [])
            return [b"who are you?"]
        if path == "/wait":
            self.waiting.release()
            self.release.wait(SECONDS)
        if path == "/part":
            self._take_part(environ)
        start("200 OK", [])
        if path == "/big":
            return self._big()
        self.read.append(len(environ["wsgi.input"].read()))
        return [b"thanks"]

    def _take_part(self, environ: dict[str, Any]) -> None:
        environ[KEEPS_PART] = True
        pieces = iter(partial(environ["wsgi.input"].read, 100), b"")
        taken: list[bytes] = []
        with suppress(OSError):
            taken += pieces
            taken.append(b"whole")
        self.parts.append(b"".join(taken))
        environ["wsgi.input"] = io.BytesIO()

    def _big(self) -> Iterator[bytes]:
        try:
            while self.sent < BIG:
                self.sent += 65536
                yield b"x" * 65536
        finally:
            self.closed.set()


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def serve(application: Application, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serve, with other limits than usual; return the address."""
    with ExitStack() as stack:

        def serving(**limits: float) -> Address:
            modules = (connections, http_connection, http_server, received_body)
            for name, value in limits.items():
                for module in modules:
                    if hasattr(module, name):
                        monkeypatch.setattr(module, name, value)
            monkeypatch.setattr(http_server, "CHECK_SECONDS", 0.02)
            listening = socket.create_server(("127.0.0.1", 0))
            server = Server(listening, application)
            address: Address = listening.getsockname()
            server.start()
            stack.callback(server.stop)
            stack.callback(application.release.set)
            return address

        yield serving


def get(address: Address, path: str = "/open") -> int:
    with closing(http.client.HTTPConnection(*address, timeout=SECONDS)) as client:
        client.request("GET", path)
        response = client.getresponse()
        response.read()
        return response.status


def opened(stack: ExitStack, address: Address, sent: bytes = b"") -> socket.socket:
    client = stack.enter_context(socket.create_connection(address, SECONDS))
    client.sendall(sent)
    return client


def post(path: str, length: int, *fields: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {length}", *fields, "", ""]
    return "\r\n".join(lines).encode()


def test_bodies_that_never_come_hold_no_thread(serve: Serve) -> None:
    address = serve()
    before = threading.active_count()
    with ExitStack() as stack:
        for _ in range(200):
            opened(stack, address, post("/open", 10) + b"x")
        for _ in range(3):
            assert get(address) == 200
        assert threading.active_count() <= before  # some of another test may end meanwhile


def test_more_connections_than_there_may_be(serve: Serve) -> None:
    """Each new one takes the place of the one that has waited longest, and those in use stay."""
    address = serve(MOST=20)
    with ExitStack() as stack:
        idle = [opened(stack, address) for _ in range(60)]
        assert get(address) == 200
        wait_until(lambda: get(address) == 200, what="it still answers")
        assert idle[0].recv(1) == b""


def test_a_connection_that_waits_for_the_application_gives_way_to_none(
    serve: Serve, application: Application
) -> None:
    address = serve(MOST=8)
    with ExitStack() as stack:
        waiting = opened(stack, address, b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        assert application.waiting.acquire(timeout=SECONDS)
        for _ in range(30):
            opened(stack, address)
        assert get(address) == 200
        application.release.set()
        assert waiting.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("limit", "sent", "said"),
    [
        ("HEAD_SECONDS", b"GET / HT", b"HTTP/1.1 408 "),
        ("IDLE_SECONDS", b"", b""),
        ("IDLE_SECONDS", b"GET /closed HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 401 "),
    ],
)
def test_a_client_that_stops_is_left(serve: Serve, limit: str, sent: bytes, said: bytes) -> None:
    address = serve(**{limit: 0.1})
    with ExitStack() as stack:
        client = opened(stack, address, sent)
        received = b"".join(iter(lambda: client.recv(1000), b""))
        assert received.startswith(said)
        assert bool(received) == bool(said)


def test_a_body_that_does_not_go_on_is_left(
    serve: Serve, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "is_too_slow", lambda self, now: now > self.moved_at + 0.1)
    address = serve()
    with ExitStack() as stack:
        client = opened(stack, address, post("/open", 10) + b"half")
        assert client.recv(1000).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert application.read == []


@pytest.mark.parametrize("end", ["shutdown", "reset", "stop"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_part_of_a_body_is_given_to_who_takes_it(
    serve: Serve,
    application: Application,
    monkeypatch: pytest.MonkeyPatch,
    framing: str,
    end: str,
) -> None:
    if end == "stop":
        monkeypatch.setattr(Pace, "is_too_slow", lambda self, now: now > self.moved_at + 0.1)
    receiving: list[HttpConnection] = []
    receive = HttpConnection.receive_body

    def noted(connection: HttpConnection) -> None:
        receive(connection)
        receiving.append(connection)

    monkeypatch.setattr(HttpConnection, "receive_body", noted)
    address = serve()
    part = b"x" * 2 * UNASKED
    sent = post("/part", 10**6) + part
    if framing == "chunks":
        sent = b"POST /part HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        sent += b"%x\r\n" % 10**6 + part
    with ExitStack() as stack:
        client = opened(stack, address, sent)
        wait_until(lambda: receiving and _size(receiving[0]) == len(part), timeout=SECONDS)
        if end == "shutdown":
            client.shutdown(socket.SHUT_WR)
        elif end == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            client.close()
        wait_until(lambda: application.parts, timeout=SECONDS)
        if end != "reset":
            received = b"".join(iter(lambda: client.recv(1000), b""))
            assert received.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"\r\nConnection: close\r\n" in received
            # Who may be sending still is listened to, or the response would be lost by a reset.
            assert receiving[0]._transport.is_closing() is (end == "shutdown")
        if end == "stop":  # what comes now is no request, but the rest of the body
            client.sendall(b"GET /open HTTP/1.1\r\nHost: x\r\n\r\n")
            client.close()
            wait_until(lambda: receiving[0]._is_lost, timeout=SECONDS)
    assert application.parts == [part]
    assert application.asked == ["/part"] * 2


def test_who_sends_more_than_chunks_is_listened_to_as_well(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    leave = HttpConnection._leave

    def noted(connection: HttpConnection, *, at_once: bool) -> None:
        closed.append(at_once)
        leave(connection, at_once=at_once)

    monkeypatch.setattr(HttpConnection, "_leave", noted)
    sent = b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent += b"3\r\nabc\r\n0\r\n\r\nGET /open HTTP/1.1\r\nHost: x\r\n\r\n"
    with ExitStack() as stack:
        client = opened(stack, serve(), sent)
        received = b"".join(iter(lambda: client.recv(1000), b""))
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 1
    assert closed == [False]


def _size(connection: HttpConnection) -> int:
    request = connection._request
    return request.body.size if request is not None and request.body is not None else 0


def test_a_response_that_nobody_reads_holds_no_thread_and_ends(
    serve: Serve, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = serve(STUCK_SECONDS=GRACE_SECONDS)
    with ExitStack() as stack:
        clients = [
            opened(stack, address, b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(20)
        ]
        for one in clients:
            assert one.recv(12) == b"HTTP/1.1 200"
        assert get(address) == 200
        assert application.sent < BIG
        monkeypatch.setattr(Pace, "is_too_slow", lambda self, now: now > self.moved_at + 0.1)
        assert application.closed.wait(SECONDS)


def test_a_response_is_read_slowly_to_its_end(serve: Serve) -> None:
    address = serve()
    with closing(http.client.HTTPConnection(*address, timeout=SECONDS)) as client:
        client.request("GET", "/big")
        response = client.getresponse()
        size = 0
        while piece := response.read(100_000):
            size += len(piece)
        assert size == BIG
        assert response.headers["Transfer-Encoding"] == "chunked"


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_refused_body_is_not_received(
    serve: Serve, application: Application, monkeypatch: pytest.MonkeyPatch, framing: str
) -> None:
    monkeypatch.setattr(received_body, "IN_MEMORY", 0)  # each byte goes to a file
    address = serve()
    with ExitStack() as stack:
        if framing == "length":
            client = opened(stack, address, post("/closed", 10**8))
        else:
            head = b"POST /closed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            client = opened(stack, address, head + b"8000\r\n" + b"x" * 0x8000)
        received = client.recv(1000)
        assert received.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
        assert b"\r\nConnection: close\r\n" in received
        # Whoever sends all of it before reading gets the response as well.
        client.sendall(b"x" * 10**6)
        client.shutdown(socket.SHUT_WR)
        while received:
            received = client.recv(1000)
    assert application.asked == ["/closed"]
    assert application.read == []


def test_who_expects_to_be_told_to_go_on_is_told_no(serve: Serve) -> None:
    address = serve()
    with ExitStack() as stack:
        client = opened(stack, address, post("/closed", 5, "Expect: 100-continue"))
        assert client.recv(1000).startswith(b"HTTP/1.1 401 Unauthorized\r\n")


@pytest.mark.parametrize(("size", "times"), [(100, 1), (100_000, 2)])
def test_an_application_is_asked_before_a_large_body(
    serve: Serve, application: Application, size: int, times: int
) -> None:
    address = serve()
    with ExitStack() as stack:
        client = opened(stack, address, post("/open", size))
        client.sendall(b"x" * size)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
    assert application.read == [size]
    assert len(application.asked) == times


def test_a_body_that_is_not_there_is_no_error_that_an_application_handles() -> None:
    assert not issubclass(BodyNotReceived, Exception)


def test_the_pace_of_a_client() -> None:
    pace = Pace(100.0)
    assert not pace.is_too_slow(100.0 + GRACE_SECONDS)
    assert pace.is_too_slow(100.1 + GRACE_SECONDS)
    for second in range(60):
        pace.note(RATE * second, 100.0 + second)
        assert not pace.is_too_slow(100.0 + second)
    trickle, now = Pace(0.0), 0
    while not trickle.is_too_slow(now):
        now += 1
        trickle.note(now, now)
    assert now < 2 * GRACE_SECONDS
    assert not Pace(0.0, STUCK_SECONDS).is_too_slow(STUCK_SECONDS)


def test_what_counts_as_one_address() -> None:
    assert network("192.0.2.1") == "192.0.2.1"
    assert network("::ffff:192.0.2.1") == "192.0.2.1"
    assert network("2001:db8::1") == network("2001:db8::2") != network("2001:db8:0:1::1")
    assert network("fe80::1%eth0") == "fe80::/64"


class Held:
    """A connection, as far as it is counted."""

    def __init__(self, address: str, since: float, *, waits: bool = True) -> None:
        self.address, self.waiting_since, self.waits_for_client = address, since, waits
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


def test_an_address_takes_no_connections_from_others() -> None:
    counted: Any = Connections(8)
    others = [Held("192.0.2.1", 0.0), Held("192.0.2.2", 0.0)]
    many = [Held("192.0.2.9", 1.0 + number) for number in range(20)]
    assert all(counted.admit(one) for one in others + many)
    assert len(counted) == 8
    assert not any(one.is_aborted for one in others)
    assert [one.is_aborted for one in many] == [True] * 14 + [False] * 6


def test_one_too_many_is_refused_where_all_are_at_work() -> None:
    counted: Any = Connections(4)
    for _ in range(3):
        assert counted.admit(Held("192.0.2.9", 0.0, waits=False))
    assert not counted.admit(Held("192.0.2.9", 0.0))
    assert counted.admit(Held("192.0.2.1", 0.0))


def test_what_writes_starts_while_others_compute_and_more_of_them_wait() -> None:
    queue = WorkQueue(COMPUTING + 2, lambda seconds, function: None)
    queue.start()
    release, started = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        started.release()
        release.wait(SECONDS)

    for _ in range(COMPUTING + 1):
        queue.submit(work)
    for _ in range(2):
        queue.submit(work, writes=True)
    for _ in range(COMPUTING + 2):
        assert started.acquire(timeout=SECONDS)
    done = threading.Event()
    queue.submit(done.set, writes=True)  # no thread is free now
    assert not started.acquire(blocking=False)
    release.set()
    assert done.wait(SECONDS)
    queue.stop()


class InterruptedLock:
    """A lock; something happens before it is taken for the second time."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self._happens = happens
        self._taken = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._taken += 1
        if self._taken == 2:
            self._happens()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class InTurn:
    """What a connection uses of its server; the requests are kept."""

    max_body, is_stopping, has_access_log = 1000, False, False

    def __init__(self) -> None:
        self.paths: list[str] = []

    def handle(self, connection: HttpConnection, request: Any) -> None:
        self.paths.append(request.head.environ["PATH_INFO"])

    def admit(self, connection: HttpConnection) -> bool:
        return True


def test_a_request_that_came_ahead_is_not_left_when_the_one_before_ends_meanwhile() -> None:
    site: Any = InTurn()
    sock: Any = SimpleNamespace(send=len)
    transport: Any = SimpleNamespace(get_write_buffer_size=lambda: 0)
    connection = HttpConnection(site, sock, "192.0.2.1", 1)
    connection.connection_made(transport)
    framing: Any = SimpleNamespace(keep_alive=True)

    one, two = (b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in (1, 2))
    # The event loop has seen that a thread works on the first, and is about to keep the second.
    lock: Any = InterruptedLock(lambda: connection.send_whole(framing, b"response"))
    connection._lock = lock
    connection.data_received(one + two)
    assert site.paths == ["/1", "/2"]


def test_few_threads_compute_and_more_start_for_what_waits() -> None:
    due: list[Callable[[], None]] = []
    queue = WorkQueue(6, lambda seconds, function: due.append(function))
    queue.start()
    release, started = threading.Event(), threading.Semaphore(0)

    def wait() -> None:
        started.release()
        release.wait(SECONDS)

    for _ in range(6):
        queue.submit(wait)
    for _ in range(COMPUTING):
        assert started.acquire(timeout=SECONDS)
    for _ in range(6 - COMPUTING):

        def started_more() -> bool:
            while due:
                due.pop()()
            return started.acquire(blocking=False)

        wait_until(started_more, what="another thread starts")
    release.set()
    order: list[int] = []
    done = threading.Event()
    for number in range(20):
        queue.submit(partial(order.append, number))
    queue.submit(done.set)

    def finished() -> bool:
        while due:
            due.pop()()
        return done.wait(0.01)

    wait_until(finished, what="all is done")
    assert sorted(order) == list(range(20))
    queue.stop()
