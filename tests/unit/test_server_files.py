"""Files as the web server sends them: whole, in blocks, or only their head."""

from __future__ import annotations

import http.client
import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from webapp.up.server import Server
from webapp.up.server.responses import BLOCK

SECONDS = 20.0


class File(io.BytesIO):
    """A file that says when it is closed."""

    def __init__(self, size: int, closed: threading.Semaphore) -> None:
        super().__init__(b"x" * size)
        self._closed = closed

    def close(self) -> None:
        """Say it once."""
        if not self.closed:
            self._closed.release()
        super().close()


class Files:
    """Sends a file of the size in the path; ``?declare=`` is the length that it says."""

    def __init__(self) -> None:
        self.closed = threading.Semaphore(0)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        declared = environ["QUERY_STRING"].partition("=")[2]
        start("200 OK", [("Content-Length", declared)] if declared else [])
        file = File(int(environ["PATH_INFO"].strip("/")), self.closed)
        return environ["wsgi.file_wrapper"](file, 4096)


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def client(files: Files) -> Iterator[http.client.HTTPConnection]:
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    server = Server(listening, files)
    server.start()
    host, port = address
    with closing(http.client.HTTPConnection(host, port, timeout=SECONDS)) as client:
        yield client
    assert server.stop()


@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("is_declared", [True, False])
def test_a_file_is_sent_and_closed_and_the_connection_goes_on(
    client: http.client.HTTPConnection, files: Files, size: int, method: str, *, is_declared: bool
) -> None:
    for _ in range(2):
        client.request(method, f"/{size}?declare={size if is_declared else ''}")
        response = client.getresponse()
        assert len(response.read()) == (size if method == "GET" else 0)
        assert not response.will_close
        if is_declared:
            assert response.headers["Content-Length"] == str(size)
        assert files.closed.acquire(timeout=SECONDS)


@pytest.mark.parametrize("size", [10, BLOCK])
def test_a_file_that_is_shorter_than_it_said_is_not_taken_for_complete(
    client: http.client.HTTPConnection, size: int
) -> None:
    client.request("GET", f"/{size}?declare={size + 5}")
    with pytest.raises(http.client.IncompleteRead):
        client.getresponse().read()


def test_a_file_that_has_grown_is_sent_as_far_as_it_said(
    client: http.client.HTTPConnection,
) -> None:
    client.request("GET", f"/{2 * BLOCK}?declare={BLOCK + 5}")
    assert len(client.getresponse().read()) == BLOCK + 5
    client.request("GET", "/3?declare=3")
    assert client.getresponse().read() == b"xxx"
