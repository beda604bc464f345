"""Load over HTTP: wrk where it is installed, and a crowd of polite clients."""

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

from tests.benchmarks.figures import percentile

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
    """What came of it: requests a second, milliseconds, answers that were errors."""

    rate: float
    p50: float
    p99: float
    errors: int


def wait_answers(port: int, path: str, seconds: float) -> None:
    """Wait until a server answers there.

    Raises:
        TimeoutError: it does not.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            client.request("GET", path)
            client.getresponse().read()
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            return
        finally:
            client.close()
    raise TimeoutError(f"Nothing answers on port {port}.")


def first_answer(call: Call) -> tuple[int, Message, bytes]:
    """Send it once; return status, headers and body."""
    client = http.client.HTTPConnection("127.0.0.1", call.port, timeout=30)
    try:
        client.request(call.method, call.path, call.body or None, dict(call.headers))
        answer = client.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        client.close()


def load(call: Call, folder: Path, *, connections: int = 8, seconds: int = 10) -> Load:
    """Send it over and over on so many connections."""
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
    said = subprocess.run(
        ["wrk", *options, str(script), url], capture_output=True, text=True, check=True
    ).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rate is not None, said
    return Load(float(rate[1]), _wrk_ms(said, 50), _wrk_ms(said, 99), int(bad[1]) if bad else 0)


def _wrk_ms(said: str, share: int) -> float:
    found = re.search(rf"\s{share}%\s+([\d.]+)(us|ms|s|m)", said)
    return round(float(found[1]) * _MS[found[2]], 2) if found else 0.0


def _threads(call: Call, connections: int, seconds: int) -> Load:
    """Slower than wrk: the client is Python as well."""
    took: list[float] = []
    errors: list[int] = []
    end = time.monotonic() + seconds

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", call.port, timeout=30)
        while time.monotonic() < end:
            begin = time.perf_counter()
            connection.request(call.method, call.path, call.body or None, dict(call.headers))
            answer = connection.getresponse()
            answer.read()
            took.append(1000 * (time.perf_counter() - begin))
            if answer.status >= 400:
                errors.append(answer.status)

    threads = [threading.Thread(target=client) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(
        round(len(took) / seconds, 1), percentile(took, 50), percentile(took, 99), len(errors)
    )
