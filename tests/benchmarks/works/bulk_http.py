"""Many jobs in one request, while others submit one by one and look at lists."""

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

BULK = "/api/v1/jobs/bulk"
NDJSON = "application/x-ndjson"
SLOW_LINES = 50
USUAL_SECONDS = 3.0
PAUSE_SECONDS = 0.02


class Others:
    """One client that sends fifty requests a second at most, and measures each."""

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
    """Send one request with all jobs, read its answer to the end; then one with slow lines."""
    system, lines = bench.system, workload().bulk_http
    server, port = bench.start_web()
    headers = system.headers()
    others = Others(Call(port, system.submit_path, "POST", system.submit_body, headers))
    lists = Others(Call(port, system.submit_path, headers=headers))
    time.sleep(USUAL_SECONDS)
    usual, usual_list = others.p99(), lists.p99()
    before, begin = cpu_seconds([server]), time.monotonic()
    answered = _send(port, headers, (system.submit_body + "\n").encode() * lines)
    seconds, cpu = time.monotonic() - begin, cpu_seconds([server]) - before
    meanwhile, meanwhile_list = others.p99(), lists.p99()
    others.stop()
    lists.stop()
    if answered != lines:
        raise Failed(f"{answered} of {lines} lines were recorded.")
    return {
        "lines_per_s": round(lines / seconds, 1),
        "cpu_us": round(1e6 * cpu / lines, 1),
        "rss_mb": memory([server]).rss,
        "usual_p99_ms": usual,
        "p99_ms": meanwhile,
        "usual_list_p99_ms": usual_list,
        "list_p99_ms": meanwhile_list,
        "slow_line_p50_ms": _answer_times(port, headers, system.submit_body),
    }


def _send(port: int, headers: dict[str, str], body: bytes) -> int:
    """Return how many lines were recorded."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        client.request("POST", BULK, body, {**headers, "Content-Type": NDJSON})
        response = client.getresponse()
        return sum("id" in json.loads(line) for line in response)
    finally:
        client.close()


def _answer_times(port: int, headers: dict[str, str], line: str) -> float:
    """Send lines of which each waits for the answer to the one before; return the p50 in ms."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    took: list[float] = []
    try:
        client.putrequest("POST", BULK)
        sent = {**headers, "Content-Type": NDJSON, "Transfer-Encoding": "chunked"}
        for name, value in sent.items():
            client.putheader(name, value)
        client.endheaders()
        response: http.client.HTTPResponse | None = None
        data = f"{line}\n".encode()
        for _ in range(SLOW_LINES):
            begin = time.perf_counter()
            client.send(b"%x\r\n%b\r\n" % (len(data), data))
            response = response or client.getresponse()
            if "id" not in json.loads(response.readline()):
                raise Failed("A line that came alone was not recorded.")
            took.append(1000 * (time.perf_counter() - begin))
        client.send(b"0\r\n\r\n")
    finally:
        client.close()
    return round(percentile(took, 50), 1)
