"""The site's connections: kept after an answer without a body, closed when that is asked for."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from webapp.up.site import Site


def answer_as_asked(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    status = environ["PATH_INFO"].strip("/")
    body = b"" if status in {"204", "304"} else b"text"
    start(f"{status} Answer", [("Content-Length", "4")] if body else [("ETag", '"1"')])
    return [body]


@pytest.fixture
def client() -> Iterator[http.client.HTTPConnection]:
    listening = socket.create_server(("127.0.0.1", 0))
    site = Site(listening, answer_as_asked)
    site.start()
    host, port = listening.getsockname()
    client = http.client.HTTPConnection(host, port, timeout=10)
    yield client
    client.close()
    site.stop()
    listening.close()


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


def test_who_asks_for_the_end_gets_it(client: http.client.HTTPConnection) -> None:
    assert ask(client, 304, Connection="close").will_close
