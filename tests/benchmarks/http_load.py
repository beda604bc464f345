"""HTTP load: by wrk where it is installed, else by threads of Python."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

from tests.benchmarks.stats import percentile
from tests.waiting import wait_until

_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True, slots=True)
class Call:
    """One request, repeated."""

    port: int
    path: str
    method: str = "GET"
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Load:
    """The result: requests per second, milliseconds, number of error responses."""

    rate: float
    p50: float
    p99: float
    errors: int


def wait_for_server(port: int, path: str, seconds: float) -> None:
    """Wait until a server answers.

    Raises:
        AssertionError: it did not.
    """
    wait_until(
        lambda: _answers(port, path),
        timeout=seconds,
        interval=0.05,
        what=f"a server on port {port}",
    )


def _answers(port: int, path: str) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        client.request("GET", path)
        client.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()
    return True


def send_once(call: Call) -> tuple[int, Message, bytes]:
    """Send a request once; return status, headers and body."""
    client = http.client.HTTPConnection("127.0.0.1", call.port, timeout=30)
    try:
        client.request(call.method, call.path, call.body or None, dict(call.headers))
        response = client.getresponse()
        return response.status, response.headers, response.read()
    finally:
        client.close()


def load(call: Call, folder: Path, *, connections: int = 8, seconds: int = 10) -> Load:
    """Send a request over and over on several connections."""
    if shutil.which("wrk"):
        return _wrk(call, folder, connections, seconds)
    return _threads(call, connections, seconds)


def _wrk(call: Call, folder: Path, connections: int, seconds: int) -> Load:
    script = folder / "wrk.lua"
    lines = [f"wrk.method = {json.dumps(call.method)}", f"wrk.body = {json.dumps(call.body)}"]
    for name, value in call.headers.items():
        lines.append(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}")
    script.write_text("\n".join(lines), "utf-8")
    url = f"http://127.0.0.1:{call.port}{call.path}"
    options = f"-t1 -c{connections} -d{seconds}s --latency --timeout 30s -s".split()
    output = subprocess.run(
        ["wrk", *options, str(script), url], capture_output=True, text=True, check=True
    ).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert rate is not None, output
    return Load(float(rate[1]), _wrk_ms(output, 50), _wrk_ms(output, 99), int(bad[1]) if bad else 0)


def _wrk_ms(output: str, share: int) -> float:
    found = re.search(rf"\s{share}%\s+([\d.]+)(us|ms|s|m)", output)
    return round(float(found[1]) * _MS[found[2]], 2) if found else 0.0


def _threads(call: Call, connections: int, seconds: int) -> Load:
    """Slower than wrk, because the client is Python as well."""
    took: list[float] = []
    errors: list[int] = []
    end = time.monotonic() + seconds

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", call.port, timeout=30)
        while time.monotonic() < end:
            begin = time.perf_counter()
            connection.request(call.method, call.path, call.body or None, dict(call.headers))
            response = connection.getresponse()
            response.read()
            took.append(1000 * (time.perf_counter() - begin))
            if response.status >= 400:
                errors.append(response.status)

    threads = [threading.Thread(target=client) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(
        round(len(took) / seconds, 1), percentile(took, 50), percentile(took, 99), len(errors)
    )
