"""A client of the bulk by hand: lines sent one at a time, and one that leaves in the middle."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

SECONDS = 60.0
PATH = "/api/v1/jobs/bulk"


def line_of(n: int) -> bytes:
    """Return the line of a job."""
    return json.dumps({"task": "webapp.square", "args": {"n": n}}).encode() + b"\n"


class BulkClient:
    """Sends bulks, each on a connection of its own."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._fields = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/x-ndjson",
            "Transfer-Encoding": "chunked",
        }

    def begin(self) -> OpenBulk:
        """Send the head of a bulk whose lines come one at a time."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
        connection.putrequest("POST", PATH)
        for name, value in self._fields.items():
            connection.putheader(name, value)
        connection.endheaders()
        return OpenBulk(connection)

    def send_all(self, count: int) -> list[int]:
        """Send so many lines in one request, as they are made; return the numbers of the jobs'."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
        try:
            lines: Iterator[bytes] = (line_of(n) for n in range(count))
            connection.request("POST", PATH, lines, self._fields, encode_chunked=True)
            response = connection.getresponse()
            answers = [json.loads(one) for one in response]
            assert response.status == 200, answers
            return [one["line"] for one in answers if "id" in one]
        finally:
            connection.close()


class OpenBulk:
    """A bulk whose lines are sent one at a time."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        # A second one: where the answer is the last one of its connection, the first is closed.
        self._socket: socket.socket = connection.sock.dup()
        self._response: http.client.HTTPResponse | None = None

    def send(self, n: int) -> None:
        """Send a line."""
        self._chunk(line_of(n))

    def answer(self) -> Any:
        """Wait for the next line of the answer, and return it."""
        self._response = self._response or self._connection.getresponse()
        return json.loads(self._response.readline())

    def die(self, data: bytes) -> None:
        """Send some bytes, and leave."""
        self._chunk(data)
        self._socket.close()
        self._connection.close()
        if self._response is not None:
            self._response.close()

    def _chunk(self, data: bytes) -> None:
        self._socket.sendall(b"%x\r\n%b\r\n" % (len(data), data))
