"""Many clients that request one URL once a second.

``python -m tests.benchmarks.polling_clients FILE`` uses one thread and plain sockets, so that the
clients cost little beside the server. The plan is a JSON file; the results are added to it.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.stats import percentile

TIMEOUT_SECONDS = 5.0
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class PollingClients:
    """The clients and their response times in milliseconds."""

    def __init__(self, plan: dict[str, Any]) -> None:
        lines = [f"GET {plan['path']} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in plan["headers"].items()]
        self._request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self._port = plan["port"]
        self._clients = plan["clients"]
        self._end = time.monotonic() + plan["seconds"]
        self.took: list[float] = []
        self.failed = 0
        self.not_304 = 0
        self.closed = 0

    async def run(self) -> None:
        """Let all of them send requests until the time is over."""
        await asyncio.gather(*(self._client() for _ in range(self._clients)))

    async def _client(self) -> None:
        await asyncio.sleep(random.random())
        while time.monotonic() < self._end:
            try:
                reader, writer = await asyncio.wait_for(
                    asyncio.open_connection("127.0.0.1", self._port), TIMEOUT_SECONDS
                )
                await self._send_requests(reader, writer)  # reconnect when the server closes
                writer.close()
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                self.failed += 1
                await asyncio.sleep(1)

    async def _send_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while time.monotonic() < self._end:
            begin = time.monotonic()
            writer.write(self._request)
            response = await asyncio.wait_for(_read_response(reader), TIMEOUT_SECONDS)
            took = time.monotonic() - begin
            self.took.append(1000 * took)
            self.not_304 += b" 304 " not in response[:20]
            await asyncio.sleep(max(0.0, 1 - took))
            if b"connection: close" in response.lower():
                self.closed += 1
                return


async def _read_response(reader: asyncio.StreamReader) -> bytes:
    """Return the head of a response; read and drop its body, which a 304 does not have."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    if length and b" 304 " not in head[:20]:
        await reader.readexactly(int(length[1]))
    return head


def main() -> None:
    """Run the plan of the file."""
    file = Path(sys.argv[1])
    plan = json.loads(file.read_text("utf-8"))
    clients = PollingClients(plan)
    asyncio.run(clients.run())
    plan["found"] = {
        "asked_per_s": round(len(clients.took) / plan["seconds"], 1),
        "p50_ms": percentile(clients.took, 50),
        "p99_ms": percentile(clients.took, 99),
        "failed": clients.failed,
        "not_304": clients.not_304,
        "closed_by_server": clients.closed,
    }
    file.write_text(json.dumps(plan), "utf-8")


if __name__ == "__main__":
    main()
