"""Processes that show that they live: each holds a connection until it ends, however it ends."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.waiting import wait_until

SECONDS = 20.0

_HOLD = "import socket, sys; s = socket.create_connection(('127.0.0.1', {port})); {then}"
_WAIT = "print('connected', flush=True); s.recv(1)"


class Watch:
    """Accepts the connections of processes, and notices their ends."""

    def __enter__(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(SECONDS)
        self._connections: list[socket.socket] = []
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for one in (self._server, *self._connections):
            one.close()

    @property
    def port(self) -> int:
        """Where processes connect."""
        return int(self._server.getsockname()[1])

    def command(self, *, own_session: bool = False) -> list[str]:
        """Return a command that connects, starts one that connects too, and waits."""
        return watched_command(self.port, own_session=own_session)

    def wait_started(self, count: int) -> None:
        """Wait until so many processes have connected."""
        while len(self._connections) < count:
            self._connections.append(self._server.accept()[0])

    def wait_ended(self) -> None:
        """Wait until each of them has ended.

        Raises:
            TimeoutError: one still lives.
        """
        for one in self._connections:
            one.settimeout(SECONDS)
            with suppress(ConnectionResetError):  # Windows
                assert one.recv(1) == b""


def watched_command(port: int, *, own_session: bool = False) -> list[str]:
    """Return a command that connects, starts one that connects too, and waits."""
    inner = _HOLD.format(port=port, then=_WAIT)
    start = f"import subprocess; subprocess.Popen([sys.executable, '-c', {inner!r}],"
    start += f" start_new_session={own_session})"
    return [sys.executable, "-c", _HOLD.format(port=port, then=f"{start}; {_WAIT}")]


def processes_with(variable: str, value: str) -> list[str]:
    """Return the other processes whose environment has a variable with this value, as a text each.

    What a task has started is among them, whatever it is a child of. Only Linux tells.
    """
    wanted = f"{variable}={value}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        with suppress(OSError):  # it has ended, or is another user's
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found.append(f"{folder.name}: {command[:200]}")
    return found


def assert_none_is_left(variable: str, value: str) -> None:
    """Check that the processes of a test have ended: children of a killed one notice it soon.

    Raises:
        AssertionError: some live on.
    """
    left: list[str] = []

    def look() -> bool:
        left[:] = processes_with(variable, value)
        return not left

    with suppress(AssertionError):
        wait_until(look, timeout=SECONDS)
    assert left == [], "they outlived their test"
