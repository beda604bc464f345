"""Uploads that are cut off: a client by hand, and a relay that breaks a connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

SECONDS = 20.0
PIECE = {"Content-Type": "application/offset+octet-stream"}


class UploadClient:
    """Sends the requests of a resumable upload byte by byte, each on a connection of its own."""

    def __init__(self, port: int, token: str) -> None:
        self._address = ("127.0.0.1", port)
        self._fields = {"Host": "127.0.0.1", "Authorization": f"Bearer {token}"}

    def create(self, length: int) -> str:
        """Announce an upload; return its path."""
        fields = {"Upload-Length": str(length), "Content-Length": "0"}
        return self._request("POST /api/v1/uploads/resumable", fields)["location"]

    def offset(self, path: str) -> int:
        """Ask how much is stored."""
        return int(self._request(f"HEAD {path}", {})["upload-offset"])

    def append(self, path: str, offset: int, data: bytes) -> str:
        """Send a piece; return the status."""
        sent = self._piece(offset, len(data))
        return self._request(f"PATCH {path}", sent, data)["status"]

    def begin_piece(self, path: str, offset: int, length: int, data: bytes) -> None:
        """Send the beginning of a piece of this length, and die."""
        self._open(f"PATCH {path}", self._piece(offset, length), data).close()

    def _piece(self, offset: int, length: int) -> dict[str, str]:
        return {**PIECE, "Upload-Offset": str(offset), "Content-Length": str(length)}

    def _open(self, line: str, fields: Mapping[str, str], body: bytes) -> socket.socket:
        sent = {**self._fields, **fields, "Connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        client = socket.create_connection(self._address, SECONDS)
        client.sendall(f"{line} HTTP/1.1\r\n{head}\r\n".encode() + body)
        return client

    def _request(self, line: str, fields: Mapping[str, str], body: bytes = b"") -> dict[str, str]:
        """Return the header fields of the response by their names in lower case, and its status."""
        with self._open(line, fields, body) as client:
            received = b"".join(iter(lambda: client.recv(4096), b""))
        first, *lines = received.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        pairs = (one.split(":", 1) for one in lines)
        return {
            "status": first.split()[1],
            **{name.lower(): value.strip() for name, value in pairs},
        }


class Relay:
    """Passes connections on to a port, and breaks one of them.

    Args:
        port: of 127.0.0.1.
        broken: the number of the connection to break, from 0 on.
        after: how many bytes of it are passed on.
        of_answers: of what comes back; else of what is sent.
    """

    def __init__(self, port: int, broken: int, after: int, *, of_answers: bool = False) -> None:
        self._of_answers = of_answers
        self.connections = 0
        self._target, self._broken, self._after = ("127.0.0.1", port), broken, after
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _shut(self._listening)
        self._listening.close()  # on Windows only this ends an accept
        for one in self._sockets:
            _shut(one)
        for thread in self._threads:
            thread.join(SECONDS)
        for one in self._sockets:
            one.close()

    def _start(self, function: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # the end
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._target, SECONDS)
                self._sockets += [client, server]
                limit = self._after if self.connections == self._broken else None
                self.connections += 1
                there, back = (None, limit) if self._of_answers else (limit, None)
                self._start(_pass_on, client, server, there)
                self._start(_pass_on, server, client, back)


def _pass_on(source: socket.socket, target: socket.socket, limit: int | None) -> None:
    passed = 0
    with suppress(OSError):
        while passed != limit:
            data = source.recv(65536 if limit is None else min(65536, limit - passed))
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)
            passed += len(data)
    _shut(source)
    _shut(target)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
