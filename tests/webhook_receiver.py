"""A receiver of webhooks for one test, on 127.0.0.1, which verifies each signature."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook as Verifier

from tests.waiting import wait_until

Reply = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Received:
    """One request: its headers with names in lower case, and its body."""

    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """The event, if the signature is right; raises ``WebhookVerificationError`` if not."""
        return Verifier(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """What came, in the order in which it did, and what is answered."""

    requests: list[Received] = field(default_factory=list)
    reply: Reply | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def answer(self, status: int, **headers: str) -> None:
        """Answer so from now on."""

        def reply(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        self.reply = reply

    def wait(self, count: int, timeout: float = 60) -> list[Received]:
        """Wait for so many requests; return all that came."""
        wait_until(lambda: len(self.requests) >= count, timeout=timeout, what=f"{count} requests")
        return list(self.requests)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Give a receiver that answers 204 until told otherwise."""
    receiver = Receiver()
    receiver.answer(204)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # the sender was killed in the middle of it
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Received(headers, body))
            assert receiver.reply is not None
            try:
                receiver.reply(self)
            except OSError:
                self.close_connection = True  # the sender has read enough

        def log_message(self, *args: object) -> None:
            """Be quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: object) -> None:
            """Be quiet: a sender that was killed resets its connection."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
