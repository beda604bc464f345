"""Between granian and a WSGI application: the body is received first, then a few work at a time.

PEP 3333 says what an application gets and gives. granian calls with its half of it in one of many
threads; two things it leaves to us. A body that comes slowly must not keep others from working. And
of the threads that run Python few should work at once, in the order in which they came: they share
one lock, and the more there are the longer each waits for it.
"""

from __future__ import annotations

import io
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Final, cast

IN_MEMORY: Final = 512 * 1024
CHUNK: Final = 64 * 1024


class Gate:
    """Lets so many pass at once, in the order in which they came."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[threading.Lock] = deque()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


class Refused(Exception):
    """A body that is not received: the status and a sentence."""


class Calls:
    """What granian calls for each request.

    Args:
        application: what answers, as PEP 3333 has it.
        gate: how many may work at once.
        limit: bytes that a body may have.
    """

    def __init__(self, application: Callable[..., Any], gate: Gate, limit: int) -> None:
        self._application = application
        self._gate = gate
        self._limit = limit

    def __call__(self, proto: Any, environ: dict[str, Any]) -> None:
        """Answer one request."""
        try:
            body = self._receive(environ)
        except Refused as refused:
            status, sentence = refused.args
            headers = [("Content-Type", "text/plain"), ("Connection", "close")]
            proto.response_bytes(status, headers, sentence.encode())
            return
        with body:
            self._answer(proto, _complete(environ, body))

    def _receive(self, environ: dict[str, Any]) -> BinaryIO:
        """Return the body, all of it; ``CONTENT_LENGTH`` says its length from now on."""
        chunked = "HTTP_TRANSFER_ENCODING" in environ
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if not length and not chunked:
            return io.BytesIO()
        if length > self._limit:
            raise Refused(413, f"A request may bring {self._limit:,} bytes.")
        if 0 < length <= IN_MEMORY:
            data = environ["wsgi.input"].read(length)
            body: BinaryIO = io.BytesIO(data)
            received = len(data)
        else:
            body, received = self._store(environ["wsgi.input"])
        if length and received < length:
            body.close()
            raise Refused(400, f"The body ended after {received:,} of {length:,} bytes.")
        environ["CONTENT_LENGTH"] = str(received)
        return body

    def _store(self, source: Any) -> tuple[BinaryIO, int]:
        body = cast("BinaryIO", tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115
        received = 0
        while chunk := source.read(CHUNK):
            received += len(chunk)
            if received > self._limit:
                body.close()
                raise Refused(413, f"A request may bring {self._limit:,} bytes.")
            body.write(chunk)
        body.seek(0)
        return body, received

    def _answer(self, proto: Any, environ: dict[str, Any]) -> None:
        start = _Start()
        with self._gate:
            answer = self._application(environ, start)
            whole = _whole(answer)
        if whole is None:
            # A file: as slow as who reads it, so outside of the gate.
            proto.response_iter(start.code, start.headers, _Chunks(answer))
        else:
            proto.response_bytes(start.code, start.headers, whole)


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


class _Start:
    """``start_response`` of PEP 3333."""

    def __init__(self) -> None:
        self.code = 500
        self.headers: list[tuple[str, str]] = []

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> None:
        self.code = int(status[:3])
        self.headers = headers


def _whole(answer: Iterable[bytes]) -> bytes | None:
    """Return an answer that is there already, closed; None for one that is made as it is sent."""
    if getattr(answer, "streaming", not isinstance(answer, (list, tuple))):
        return None
    try:
        return b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()


class _Chunks:
    """An answer in pieces, with the ``close`` that granian calls at the end."""

    def __init__(self, answer: Iterable[bytes]) -> None:
        self._answer = answer
        self._pieces = iter(answer)

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Let the answer go."""
        if hasattr(self._answer, "close"):
            self._answer.close()
