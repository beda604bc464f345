"""Many jobs in one request, while others submit one by one."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import Any

from tests.benchmarks.http_load import Call, send_once
from tests.benchmarks.processes import cpu_seconds, memory
from tests.benchmarks.run import Bench, Failed
from tests.benchmarks.stats import percentile
from tests.benchmarks.workload import workload

USUAL_SECONDS = 3.0
PAUSE_SECONDS = 0.02


class Others:
    """One client that submits fifty jobs a second at most, and measures each submission."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._took: list[float] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def p99(self) -> float:
        """Return the p99 in milliseconds since the last time that this was asked."""
        took, self._took = self._took, []
        return round(percentile(took, 99), 1) if took else 0.0

    def stop(self) -> None:
        """End it."""
        self._stopped.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stopped.wait(PAUSE_SECONDS):
            begin = time.perf_counter()
            send_once(self._call)
            self._took.append(1000 * (time.perf_counter() - begin))


def bulk_http(bench: Bench) -> dict[str, Any]:
    """Send one request with all jobs; read its answer to the end."""
    system, lines = bench.system, workload().bulk_http
    server, port = bench.start_web()
    others = Others(Call(port, system.submit_path, "POST", system.submit_body, system.headers()))
    time.sleep(USUAL_SECONDS)
    usual = others.p99()
    before, begin = cpu_seconds([server]), time.monotonic()
    answered = _send(port, system.headers(), (system.submit_body + "\n").encode() * lines)
    seconds, cpu = time.monotonic() - begin, cpu_seconds([server]) - before
    meanwhile = others.p99()
    others.stop()
    if answered != lines:
        raise Failed(f"{answered} of {lines} lines were recorded.")
    return {
        "lines_per_s": round(lines / seconds, 1),
        "cpu_us": round(1e6 * cpu / lines, 1),
        "rss_mb": memory([server]).rss,
        "usual_p99_ms": usual,
        "p99_ms": meanwhile,
    }


def _send(port: int, headers: dict[str, str], body: bytes) -> int:
    """Return how many lines were recorded."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        sent = {**headers, "Content-Type": "application/x-ndjson"}
        client.request("POST", "/api/v1/jobs/bulk", body, sent)
        response = client.getresponse()
        return sum("id" in json.loads(line) for line in response)
    finally:
        client.close()
