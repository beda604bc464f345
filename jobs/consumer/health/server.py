"""Answers probes by HTTP, on a thread of its own: ``GET /healthz`` and ``GET /readyz``.

One thread serves all connections: a client that sends nothing holds up nobody, and is let go.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from http import HTTPStatus
from typing import Final

from . import Health, HealthError

logger = logging.getLogger("jobs")

CLIENT_SECONDS: Final = 5.0
"""How long a client may take to ask and to read the answer."""
MOST_CLIENTS: Final = 64
MAX_LINE: Final = 4096
MAX_LINES: Final = 100


class HealthServer:
    """Listens from when it is made; answers from ``start`` on.

    Attributes:
        health: what is asked; it may be replaced at any time.

    Raises:
        HealthError: it cannot listen there.
    """

    def __init__(self, address: str, port: int, health: Health) -> None:
        self.health = health
        self._socket = _listen(address, port)
        self._clients = 0
        self._serving = threading.Event()
        self._loop = asyncio.new_event_loop()
        # Of a connection that cannot be accepted asyncio logs a traceback each second.
        self._loop.set_exception_handler(lambda loop, context: logger.debug("Probe: %s", context))
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    @property
    def descriptor(self) -> int:
        """The socket's, which a process that a task forks must not hold open."""
        return self._socket.fileno()

    @property
    def url(self) -> str:
        """The beginning of its addresses."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        # A loop that is told to stop before it serves would be left open.
        self._serving.wait()

    def close(self, seconds: float) -> None:
        """End; it waits so long for its thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(seconds)
        else:
            self._loop.close()
        self._socket.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        serving = asyncio.start_server(self._serve, sock=self._socket, limit=MAX_LINE)
        try:
            server = self._loop.run_until_complete(serving)
        finally:
            self._serving.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(_let_go())
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            if self._clients <= MOST_CLIENTS:
                async with asyncio.timeout(CLIENT_SECONDS):
                    writer.write(self._answer(await _read_request(reader)))
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        except (TimeoutError, OSError, ValueError, EOFError):
            logger.debug("A probe did not ask, or did not read the answer.")
        finally:
            self._clients -= 1
            writer.transport.abort()

    def _answer(self, request: list[bytes]) -> bytes:
        method, path = request[0], request[1].partition(b"?")[0]
        asked = {
            b"/healthz": ("ok", self.health.why_stuck),
            b"/readyz": ("ready", self.health.why_not_ready),
        }.get(path)
        if method not in {b"GET", b"HEAD"}:
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, detail="Probes send GET.")
        if asked is None:
            return _response(HTTPStatus.NOT_FOUND, detail="There are /healthz and /readyz.")
        state, ask = asked
        why = ask()
        answer = (
            _response(HTTPStatus.SERVICE_UNAVAILABLE, detail=why)
            if why
            else _response(HTTPStatus.OK, state=state)
        )
        return answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == b"HEAD" else answer


async def _let_go() -> None:
    """End the connections that are open."""
    serving = asyncio.all_tasks() - {asyncio.current_task()}
    for task in serving:
        task.cancel()
    await asyncio.gather(*serving, return_exceptions=True)
    # A transport that was aborted closes its socket in the loop's next round.
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def _listen(address: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise HealthError(f"--health-port must be between 0 and 65535, not {port}.")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family)
    except OSError as error:
        why = error.strerror or error
        raise HealthError(f"--health-port {port} on {address} cannot be used: {why}.") from None


async def _read_request(reader: asyncio.StreamReader) -> list[bytes]:
    """Return the words of the request line. The headers are read too: what is unread when a
    connection is closed resets it, and the client may lose the answer."""
    words = (await reader.readline()).split()
    if len(words) != 3:
        raise ValueError("no request of HTTP/1")
    for _ in range(MAX_LINES):
        if not (await reader.readline()).strip():
            return words
    raise ValueError("too many headers")


def _response(status: HTTPStatus, *, state: str = "", detail: str = "") -> bytes:
    """The site's own ``/healthz`` and ``/readyz`` have these bodies."""
    problem = {"type": "about:blank", "title": status.phrase, "status": int(status)}
    body = json.dumps(problem | {"detail": detail} if detail else {"status": state}).encode()
    kind = "application/problem+json" if detail else "application/json"
    head = (
        f"HTTP/1.1 {int(status)} {status.phrase}\r\n"
        f"Content-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n"
        "\r\n"
    )
    return head.encode("ascii") + body
