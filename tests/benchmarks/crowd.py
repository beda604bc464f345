"""Many clients that ask for one address once a second (``python -m tests.benchmarks.crowd FILE``).

One thread and plain sockets, so that the clients cost little beside the server. The plan is a JSON
file; what was found is added to it.
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

from tests.benchmarks.figures import percentile

PATIENCE_SECONDS = 5.0
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Crowd:
    """The clients, and how long they waited."""

    def __init__(self, plan: dict[str, Any]) -> None:
        lines = [f"GET {plan['path']} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in plan["headers"].items()]
        self._request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self._port = plan["port"]
        self._clients = plan["clients"]
        self._end = time.monotonic() + plan["seconds"]
        self.took: list[float] = []
        self.failed = 0
        self.other = 0
        self.closed = 0

    async def run(self) -> None:
        """Let all of them ask until the time is over."""
        await asyncio.gather(*(self._client() for _ in range(self._clients)))

    async def _client(self) -> None:
        await asyncio.sleep(random.random())
        while time.monotonic() < self._end:
            try:
                reader, writer = await asyncio.wait_for(
                    asyncio.open_connection("127.0.0.1", self._port), PATIENCE_SECONDS
                )
                await self._ask(reader, writer)  # a server that closes is asked anew
                writer.close()
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                self.failed += 1
                await asyncio.sleep(1)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while time.monotonic() < self._end:
            begin = time.monotonic()
            writer.write(self._request)
            answer = await asyncio.wait_for(_answer(reader), PATIENCE_SECONDS)
            took = time.monotonic() - begin
            self.took.append(1000 * took)
            self.other += b" 304 " not in answer[:20]
            await asyncio.sleep(max(0.0, 1 - took))
            if b"connection: close" in answer.lower():
                self.closed += 1
                return


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """The head of an answer; its body, which a 304 has not, is read and dropped."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    if length and b" 304 " not in head[:20]:
        await reader.readexactly(int(length[1]))
    return head


def main() -> None:
    """Run the plan of the file."""
    file = Path(sys.argv[1])
    plan = json.loads(file.read_text("utf-8"))
    crowd = Crowd(plan)
    asyncio.run(crowd.run())
    plan["found"] = {
        "asked_per_s": round(len(crowd.took) / plan["seconds"], 1),
        "p50_ms": percentile(crowd.took, 50),
        "p99_ms": percentile(crowd.took, 99),
        "failed": crowd.failed,
        "not_304": crowd.other,
        "closed_by_server": crowd.closed,
    }
    file.write_text(json.dumps(plan), "utf-8")


if __name__ == "__main__":
    main()
