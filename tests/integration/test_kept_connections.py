"""The site of ``up`` keeps a connection for each request that is handled at once, not for each
thread that has handled one."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from webapp.up.server.wsgi_bridge import WsgiBridge

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE, THREADS = 2, 6


class Response:
    """What granian gives for one request; it reads a streamed body in the same thread."""

    def response_bytes(self, status: int, headers: Any, body: bytes) -> None:
        assert status == 200

    def response_iter(self, status: int, headers: Any, body: Any) -> None:
        for _ in iter(body.__next__, b"last"):
            pass
        body.close()


def bridge(application: Callable[..., Any]) -> Callable[[], list[Any]]:
    """Return what handles a request, and returns the open connections of its thread."""
    made = WsgiBridge(application, AT_ONCE, 1000)

    def handle() -> list[Any]:
        made(Response(), {"wsgi.input": io.BytesIO()})
        found = connections.all(initialized_only=True)
        return [db for db in found if db.connection is not None]

    return handle


def test_threads_lend_each_other_their_connections() -> None:
    used = []
    both = threading.Barrier(AT_ONCE)

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        connection.ensure_connection()
        used.append(connection.connection)
        both.wait(20)  # so many are handled at once
        start("200 OK", [])
        return [b"text"]

    handle = bridge(application)
    everyone = threading.Barrier(THREADS)

    def in_a_thread_of_its_own(_: int) -> list[Any]:
        everyone.wait(20)
        return handle()

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(in_a_thread_of_its_own, range(THREADS))) == [[]] * THREADS
    assert len(used) == THREADS
    different = set(map(id, used))
    for one in used:
        one.close()
    assert len(different) == AT_ONCE


def test_what_streams_closes_its_own() -> None:
    streamed = []

    def pieces() -> Iterator[bytes]:
        connection.ensure_connection()
        streamed.append(connection.connection)
        yield b"first"
        yield b"last"

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [])
        return pieces()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(bridge(application)).result() == []
    assert len(streamed) == 1
