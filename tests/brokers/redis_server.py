"""A Redis server of a test's own: stopped, frozen, emptied, started again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.network import inside, within
from tests.waiting import wait_until


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """One ``redis-server``; it keeps nothing on disk."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        tls: bool = False,
        host: str = "127.0.0.1",
        namespace: str = "",
    ) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("redis-server is not installed")
        self.port = free_port()
        self.url = f"redis://{host}:{self.port}/0"
        self._place = (host, self.port)
        self._namespace = namespace
        ports = ["--port", "0", "--tls-port"] if tls else ["--port"]
        self._command = [*inside(namespace), program, *ports, str(self.port), "--bind", host]
        self._command += ["--protected-mode", "no", "--save", "", "--dir", str(folder), *options]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> RedisServer:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_until(self.answers, what="redis-server")
        return self

    def answers(self) -> bool:
        """Whether it takes connections."""
        return within(self._namespace, self._is_open)

    def _is_open(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(self._place) == 0

    def client(self, **options: Any) -> redis.Redis:
        """A client of it."""
        return redis.Redis(port=self.port, socket_timeout=5, **options)

    def stop(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self.thaw()
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def empty(self) -> None:
        """Delete everything."""
        with self.client() as client:
            client.flushall()

    def freeze(self) -> None:
        """Let it hang: connections stay open and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
