"""Many clients that wait for the end of a job each, by ``Prefer: wait``.

``python -m tests.benchmarks.waiting_clients FILE`` uses one thread and plain sockets, so that the
clients cost little beside the server. The plan is a JSON file; the results are added to it. Each
job is cancelled after a while, and it is measured when its client hears of it, counted from the
moment when the cancellation was sent (a little before its commit). Whose wait is over waits again.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.polling_clients import LENGTH
from tests.benchmarks.stats import percentile

WAIT_SECONDS = 30
SECONDS_BETWEEN = 0.02
"""Between two ends: fifty of them a second."""


class Connection:
    """One connection of one client."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._port = port
        self._lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    async def open(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    def send(self, method: str, path: str, body: str = "", fields: str = "") -> None:
        """Send a request."""
        fields += f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{self._lines}{fields}\r\n"
        self._writer.write((head + body).encode())

    async def receive(self) -> tuple[bytes, bytes]:
        """Return the head and the body of the response."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        found = LENGTH.search(head)
        return head, await self._reader.readexactly(int(found[1])) if found else b""

    def close(self) -> None:
        """Close it."""
        self._writer.close()


class WaitingClients:
    """The clients, and the milliseconds after which they heard."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._ended: dict[str, float] = {}
        self.heard: list[float] = []
        self.refused = 0
        self.alone: list[float] = []
        self.beside: list[float] = []

    async def run(self) -> None:
        """Submit the jobs, wait for all of them, and end them one by one."""
        other = self._connection()
        await other.open()
        for _ in range(50):
            self.alone.append(await self._ask(other))
        paths = [await self._submit(other) for _ in range(self._plan["clients"])]
        waiting = [asyncio.create_task(self._client(path)) for path in paths]
        end = time.monotonic() + self._plan["quiet_seconds"]
        while time.monotonic() < end:
            self.beside.append(await self._ask(other))
            await asyncio.sleep(0.1)
        for path in paths:
            self._ended[path] = time.monotonic()
            other.send("POST", f"{path}/cancel")
            await other.receive()
            await asyncio.sleep(SECONDS_BETWEEN)
        await asyncio.gather(*waiting)
        other.close()

    def _connection(self) -> Connection:
        return Connection(self._plan["port"], self._plan["headers"])

    async def _submit(self, connection: Connection) -> str:
        connection.send("POST", self._plan["path"], self._plan["body"])
        _, body = await connection.receive()
        path: str = json.loads(body)["links"]["self"]
        return path

    async def _ask(self, connection: Connection) -> float:
        begin = time.monotonic()
        await self._submit(connection)
        return 1000 * (time.monotonic() - begin)

    async def _client(self, path: str) -> None:
        connection = self._connection()
        await connection.open()
        head = b""
        while path not in self._ended or b"preference-applied" not in head.lower():
            connection.send("GET", path, fields=f"Prefer: wait={WAIT_SECONDS}\r\n")
            head, _ = await connection.receive()
            if b"preference-applied" not in head.lower():
                self.refused += 1
                break
        else:
            self.heard.append(1000 * (time.monotonic() - self._ended[path]))
        connection.close()


def main() -> None:
    """Run the plan of the file."""
    file = Path(sys.argv[1])
    plan = json.loads(file.read_text("utf-8"))
    clients = WaitingClients(plan)
    asyncio.run(clients.run())
    plan["found"] = {
        "heard_p50_ms": percentile(clients.heard, 50),
        "heard_p99_ms": percentile(clients.heard, 99),
        "refused": clients.refused,
        "submit_alone_p50_ms": percentile(clients.alone, 50),
        "submit_p50_ms": percentile(clients.beside, 50),
    }
    file.write_text(json.dumps(plan), "utf-8")


if __name__ == "__main__":
    main()
