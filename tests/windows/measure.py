"""``python -m tests.windows.measure``: a site without work, on Windows and on this system.

``JOBS_TEST_WINDOWS`` names the Python for Windows. It prints, for each, the share of a core that
the idle site takes and the time from a job's submission to its start. On a machine that does
anything else the figures mean little; both are of one run, so that they can be compared.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.stats import percentile
from tests.subprocesses import RunningProcess, manage
from tests.waiting import wait_until
from tests.windows.python import START_SECONDS, Agent, WindowsPython, path_there
from tests.windows.site import OPEN

SETTLE_SECONDS = 5.0
IDLE_SECONDS = 30.0
JOBS = 60
PAUSE_SECONDS = (0.3, 0.7)
"""Between two jobs, so that each finds an idle consumer; not in step with what polls."""
Start = Callable[..., RunningProcess]


def main() -> None:
    """Measure both."""
    launcher = os.environ.get("JOBS_TEST_WINDOWS")
    if not launcher:
        sys.exit("Set JOBS_TEST_WINDOWS=FOLDER/python, made by .ci/windows/setup FOLDER.")
    windows = WindowsPython(launcher)
    agent = Agent(launcher)  # the first there, whose output Wine's services inherit
    show(f"load: {os.getloadavg()[0]:.1f}")
    measure(f"{sys.platform}, Python {sys.version.split()[0]}", manage, str)
    measure(
        "Windows, Python 3.11 under Wine",
        lambda data, *arguments: windows.start("manage.py", *arguments, data=data),
        path_there,
    )
    show(f"load: {os.getloadavg()[0]:.1f}")
    agent.close()


def measure(name: str, start: Start, path: Callable[[Path], str]) -> None:
    """Print the CPU of an idle site and the time from a job's submission to its start."""
    with tempfile.TemporaryDirectory() as folder, running(start, Path(folder)) as api:
        time.sleep(SETTLE_SECONDS)
        processes = site_processes(path(Path(folder)))
        cpu, begin = sum(map(cpu_of, processes)), time.monotonic()
        time.sleep(IDLE_SECONDS)
        share = (sum(map(cpu_of, processes)) - cpu) / (time.monotonic() - begin)
        waits = sorted(pick_up(api) for _ in range(JOBS))
    p50, p95 = percentile(waits, 50), percentile(waits, 95)
    show(f"{name}: idle {share:.2%} of a core; pick-up p50 {p50:.1f} ms, p95 {p95:.1f} ms")


@contextmanager
def running(start: Start, data: Path) -> Iterator[Callable[..., Any]]:
    """Run a site; yield what sends a request to its API and returns the document."""
    with start(data, "up", "--port", "0") as up:
        base = up.wait_for(OPEN, timeout=START_SECONDS)[1]
        with start(data, "createtoken", "admin") as command:
            command.wait(START_SECONDS)
            token = command.output().strip()

        def api(method: str, path: str, body: Any = None) -> Any:
            connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=60)
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            connection.request(method, f"/api/v1/{path}", body and json.dumps(body), headers)
            with connection.getresponse() as response:
                read = response.read()
            connection.close()
            return json.loads(read)

        yield api
        up.interrupt()
        up.wait(START_SECONDS)


def pick_up(api: Callable[..., Any]) -> float:
    """Return the milliseconds between a job's creation and its start."""
    time.sleep(random.uniform(*PAUSE_SECONDS))
    job = api("POST", "jobs", {"task": "webapp.square", "args": {"n": 3}})["id"]
    ended = wait_until(lambda: (found := api("GET", f"jobs/{job}"))["finished_at"] and found)
    created, started = (
        datetime.fromisoformat(ended[f"{one}_at"]) for one in ("created", "started")
    )
    return (started - created).total_seconds() * 1000


def site_processes(data: str) -> list[Path]:
    """Return the processes of a site.

    Asked of Linux: Wine gives the caller's own times for every process.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"JOBS_DATA_DIR={data}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append(process)
    return found


def cpu_of(process: Path) -> float:
    """Return the seconds of CPU that a process has used so far."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
