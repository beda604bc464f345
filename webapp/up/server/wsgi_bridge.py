"""Between granian and a WSGI application: a body is received first, then few requests are handled
at once.

PEP 3333 says what an application gets and gives. granian does its half of that, and calls from one
of many threads. Two things it leaves to us: a body that arrives slowly must not keep others from
being handled; and of the threads that run Python few should work at once, in the order in which
they came, because they share one lock and each waits the longer for it the more there are.
"""

from __future__ import annotations

import io
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Final, cast

from django.db import connections

from jobs.api.long_poll import THREADS

from .kept_connections import KeptConnections

IN_MEMORY: Final = 512 * 1024
CHUNK: Final = 64 * 1024


class RequestLimiter:
    """Lets so many requests be handled at once, in the order in which they came."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: deque[threading.Lock] = deque()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            released = threading.Lock()
            released.acquire()
            self._waiting.append(released)
        released.acquire()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


class BodyRefused(Exception):
    """A body that is not received: the status and a sentence."""


class WsgiBridge:
    """What granian calls for each request.

    Args:
        application: as PEP 3333 has it.
        at_once: how many requests are handled at once.
        max_body: bytes that a body may have.
    """

    def __init__(self, application: Callable[..., Any], at_once: int, max_body: int) -> None:
        self._application = application
        self._at_once = at_once
        self._limiter = RequestLimiter(at_once)
        self._connections = KeptConnections()
        self._max_body = max_body

    def __call__(self, proto: Any, environ: dict[str, Any]) -> None:
        """Handle one request; ``proto`` is granian's, which takes the response."""
        try:
            body = self._receive(environ)
        except BodyRefused as refused:
            status, sentence = refused.args
            headers = [("Content-Type", "text/plain"), ("Connection", "close")]
            proto.response_bytes(status, headers, sentence.encode())
            return
        with body:
            self._respond(proto, _complete(environ, body) | {THREADS: self._at_once})

    def _receive(self, environ: dict[str, Any]) -> BinaryIO:
        """Return the whole body; ``CONTENT_LENGTH`` is its length from now on."""
        chunked = "HTTP_TRANSFER_ENCODING" in environ
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if not length and not chunked:
            return io.BytesIO()
        if length > self._max_body:
            raise self._too_large()
        if 0 < length <= IN_MEMORY:
            data = environ["wsgi.input"].read(length)
            body: BinaryIO = io.BytesIO(data)
            received = len(data)
        else:
            body, received = self._store(environ["wsgi.input"])
        if length and received < length:
            body.close()
            raise BodyRefused(400, f"The body ended after {received:,} of {length:,} bytes.")
        environ["CONTENT_LENGTH"] = str(received)
        return body

    def _store(self, source: Any) -> tuple[BinaryIO, int]:
        body = cast("BinaryIO", tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115
        received = 0
        while chunk := source.read(CHUNK):
            received += len(chunk)
            if received > self._max_body:
                body.close()
                raise self._too_large()
            body.write(chunk)
        body.seek(0)
        return body, received

    def _too_large(self) -> BodyRefused:
        return BodyRefused(413, f"A request may bring {self._max_body:,} bytes.")

    def _respond(self, proto: Any, environ: dict[str, Any]) -> None:
        start = _StartResponse()
        with self._limiter, self._connections:
            response = self._application(environ, start)
            body = _complete_body(response)
        if body is None:
            # A file: it takes as long as its reader does, so it is sent outside of the limit.
            proto.response_iter(start.code, start.headers, _StreamedBody(response))
        else:
            proto.response_bytes(start.code, start.headers, body)


def _complete(environ: dict[str, Any], body: BinaryIO) -> dict[str, Any]:
    """Return the environment with what granian leaves out of PEP 3333's."""
    return environ | {
        "SCRIPT_NAME": "",
        "wsgi.version": (1, 0),
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


class _StartResponse:
    """``start_response`` of PEP 3333."""

    def __init__(self) -> None:
        self.code = 500
        self.headers: list[tuple[str, str]] = []

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> None:
        self.code = int(status[:3])
        self.headers = headers


def _complete_body(response: Iterable[bytes]) -> bytes | None:
    """Return a body that is complete, and close the response; None for one that is streamed."""
    if getattr(response, "streaming", not isinstance(response, (list, tuple))):
        return None
    try:
        return b"".join(response)
    finally:
        if hasattr(response, "close"):
            response.close()


class _StreamedBody:
    """A body in pieces, with the ``close`` that granian calls at the end."""

    def __init__(self, response: Iterable[bytes]) -> None:
        self._response = response
        self._pieces = iter(response)

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        if hasattr(self._response, "close"):
            self._response.close()
        connections.close_all()  # what was queried meanwhile was on a connection of this thread
