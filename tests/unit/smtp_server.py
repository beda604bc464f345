"""Just enough of an SMTP server, which answers each command as a test says."""

from __future__ import annotations

import socketserver
import threading
from typing import Any, Self

EXTENSIONS = "250-ready\r\n250-STARTTLS\r\n250 AUTH PLAIN"
USUAL = {"CONNECT": "220 ready", "EHLO": EXTENSIONS, "AUTH": "235 fine", "DATA": "354 go on",
         "QUIT": "221 bye"}  # fmt: skip


class SmtpServer:
    """A server on 127.0.0.1.

    ``answers`` holds its replies by command: CONNECT is its greeting, BODY its word on a message;
    with an empty one it goes away. In ``silent`` are commands that it does not answer.
    ``recipients`` and ``messages`` are what it got.
    """

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.silent: set[str] = set()
        self.recipients: list[str] = []
        self.messages: list[str] = []
        self.stopping = threading.Event()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer.converse(self)

        # A client that forgets to close its connection keeps a handler waiting, not the test.
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def converse(self, handler: Any) -> None:
        """Answer the commands of one client until it or the answer ends the conversation."""
        if not self._answered(handler, "CONNECT"):
            return
        for line in handler.rfile:
            command = line.split()[0].decode().upper()
            if command == "RCPT":
                self.recipients.append(line.decode().partition("<")[2].partition(">")[0])
            if not self._answered(handler, command):
                return
            if command == "DATA" and "DATA" not in self.answers:
                self._take(handler)
                if not self._answered(handler, "BODY"):
                    return

    def _answered(self, handler: Any, command: str) -> bool:
        if command in self.silent:
            self.stopping.wait(30)
            return False
        reply = self.answers.get(command, USUAL.get(command, "250 fine"))
        if reply:
            handler.wfile.write(f"{reply}\r\n".encode())
        return bool(reply)

    def _take(self, handler: Any) -> None:
        lines: list[bytes] = []
        while (line := handler.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        self.messages.append(b"".join(lines).decode())
