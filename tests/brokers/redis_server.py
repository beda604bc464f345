"""A Redis server of a test's own: stopped, frozen, emptied, started again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.brokers.own_server import OwnServer
from tests.ports import free_port, is_open


class RedisServer(OwnServer):
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
        ports = ["--port", "0", "--tls-port"] if tls else ["--port"]
        command = [program, *ports, str(self.port), "--bind", host, "--protected-mode", "no"]
        command += ["--save", "", "--dir", str(folder), *options]
        super().__init__(command, lambda: is_open(host, self.port), namespace=namespace)

    def client(self, **options: Any) -> redis.Redis:
        """A client of it."""
        return redis.Redis(port=self.port, socket_timeout=5, **options)

    def empty(self) -> None:
        """Delete everything."""
        with self.client() as client:
            client.flushall()
