"""What an application responds, as the bytes of HTTP/1.1."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from typing import Any, BinaryIO, Final

BLOCK: Final = 256 * 1024
"""Bytes of a file that are read and sent at a time. Each time costs a thread some 50 us."""
_WITHOUT_BODY: Final = frozenset({"204", "304"})
_OURS: Final = frozenset(
    {"connection", "content-length", "date", "keep-alive", "transfer-encoding"}
)


class FileBlocks:
    """``wsgi.file_wrapper``: a file in blocks. Django would take 4 KiB of it at a time."""

    def __init__(self, file: BinaryIO, block: int = 0) -> None:
        self._file = file
        self._first = b""

    def __iter__(self) -> Iterator[bytes]:
        while data := self._first or self._file.read(BLOCK):
            self._first = b""
            yield data

    def whole(self, size: int) -> bytes | None:
        """Return all of the file if it has so many bytes, and they are one block."""
        if size > BLOCK:
            return None
        self._first = self._file.read(size)
        return self._first if len(self._first) == size else None

    def close(self) -> None:
        """Close the file."""
        if hasattr(self._file, "close"):
            self._file.close()


class Response:
    """What an application has responded so far; it calls this as its ``start_response``."""

    def __init__(self) -> None:
        self.status_line = "500 Internal Server Error"
        self.headers: list[tuple[str, str]] = []
        self.body: Iterable[bytes] = ()

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], object]:
        self.status_line, self.headers = status, headers
        return _no_write

    def whole(self) -> bytes | None:
        """Return a body that is complete, and close it; None for one that comes in pieces."""
        if isinstance(self.body, FileBlocks):
            length = {name.lower(): value for name, value in self.headers}.get("content-length")
            data = self.body.whole(int(length)) if length else None
        elif getattr(self.body, "streaming", not isinstance(self.body, (list, tuple))):
            return None
        else:
            data = b"".join(self.body)
        if data is not None:
            self.close()
        return data

    def close(self) -> None:
        """Tell the application that this is over, as PEP 3333 has it."""
        close: Any = getattr(self.body, "close", None)
        if close is not None:
            close()


def _no_write(data: bytes) -> None:
    raise NotImplementedError("Return the body: this server has no write().")


class Framing:
    """How the end of a response is marked, and whether another may follow it.

    Args:
        response: its status and headers are known.
        method: of the request.
        version: of the request, ``HTTP/1.0`` or ``HTTP/1.1``.
        keep_alive: whether the client, and we, would keep the connection.
        size: of the body, None if only its end will tell.
    """

    def __init__(
        self, response: Response, method: str, version: str, size: int | None, *, keep_alive: bool
    ) -> None:
        code = response.status_line[:3]
        self.has_body = method != "HEAD" and code not in _WITHOUT_BODY
        lines = [f"HTTP/1.1 {response.status_line}", _date()]
        self.left = self._add_fields(response.headers, lines)
        if size is not None:
            self.left = size
        if self.has_body and self.left is not None:
            lines.append(f"Content-Length: {self.left}")
        """Bytes of the body that must still come; None if that is not known."""
        self.is_chunked = self.has_body and self.left is None and version == "HTTP/1.1"
        if self.is_chunked:
            lines.append("Transfer-Encoding: chunked")
        elif self.has_body and self.left is None:
            keep_alive = False
        self.keep_alive = keep_alive and not self._ends
        if not self.keep_alive:
            lines.append("Connection: close")
        elif version == "HTTP/1.0":
            lines.append("Connection: keep-alive")
        self.head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    _ends = False  # the application wants the connection to be closed

    def _add_fields(self, headers: list[tuple[str, str]], lines: list[str]) -> int | None:
        """Add the application's header fields; return the length that they declare."""
        declared: int | None = None
        for name, value in headers:
            lower = name.lower()
            if lower not in _OURS:
                lines.append(f"{name}: {value}")
            elif lower == "connection":
                self._ends = "close" in value.lower()
            elif lower == "content-length":
                declared = int(value)
                if not self.has_body:
                    lines.append(f"{name}: {value}")
        return declared

    def piece(self, data: bytes) -> bytes:
        """Return a piece of the body as it is sent."""
        if self.left is not None:
            data = data[: self.left]
            self.left -= len(data)
        return b"%x\r\n%b\r\n" % (len(data), data) if self.is_chunked and data else data

    def end(self) -> bytes:
        """Return what is sent behind the body. A body that is too short ends the connection."""
        if self.has_body and self.left:
            self.keep_alive = False
        return b"0\r\n\r\n" if self.is_chunked else b""


_now: tuple[int, str] = (0, "")


def _date() -> str:
    """The header Date, made once a second."""
    global _now
    second = int(time.time())
    if second != _now[0]:
        _now = (second, f"Date: {formatdate(second, usegmt=True)}")
    return _now[1]
