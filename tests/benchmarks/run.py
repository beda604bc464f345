"""One measurement: one work of one system, in a fresh folder, in a process of its own.

``python -m tests.benchmarks.run WORK`` reads its ``Sandbox`` from the environment and
writes ``result.json`` into its folder.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from typing import Any

from tests.benchmarks.processes import Started, kill, start
from tests.benchmarks.sandbox import Sandbox, create_postgres, drop_postgres, empty_redis
from tests.benchmarks.setup_cache import prepare
from tests.benchmarks.systems import systems
from tests.benchmarks.systems.base import System
from tests.benchmarks.trace import Trace
from tests.ports import free_port
from tests.waiting import wait_until

READY_SECONDS = 60.0
RESULT, READY, GO = "result.json", "ready", "go"
HELD = "BENCH_HELD"
"""Set where several systems are measured concurrently: none begins before all are set up."""
HELD_SECONDS = 600.0


class Failed(Exception):
    """The system did not do what the work requires."""


class Bench:
    """A system that is set up, its processes and its trace."""

    def __init__(self, system: System, sandbox: Sandbox) -> None:
        self.system = system
        self.sandbox = sandbox
        self.trace = Trace(sandbox.trace)
        self.recorded = 0
        self._started: list[Started] = []

    def start_workers(self, *, ready: bool = True) -> list[Started]:
        """Start the two slots; by default wait until they have run a job."""
        found = [self.start("worker", command) for command in self.system.workers()]
        if ready and found:
            ident = f"ready{len(self._started)}"  # each start has its own
            self.enqueue("noop", ident)
            if self.trace.wait_start(ident, READY_SECONDS) is None:
                raise Failed(f"No job ran within {READY_SECONDS:g} s.")
            self.recorded = self.system.wait_recorded(1, 30) or 0
        return found

    def start_web(self) -> tuple[Started, int]:
        """Start the web server and wait until it answers; return it and its port."""
        from tests.benchmarks.http_load import wait_for_server

        port = free_port()
        server = self.start("web", self.system.web(port))
        wait_for_server(port, self.system.ping_path, READY_SECONDS)
        return server, port

    def start(self, log: str, command: list[str]) -> Started:
        """Start a process that is killed at the end."""
        process = start(command, self.sandbox.folder / f"{log}.log", os.environ)
        self._started.append(process)
        return process

    def enqueue(self, kind: str, ident: str, *args: Any) -> None:
        """Submit a job."""
        self.system.enqueue(kind, ident, *args)

    def set_up(self) -> None:
        """Report that this one is set up; wait for those that are measured concurrently."""
        (self.sandbox.folder / READY).touch()
        if os.environ.get(HELD):
            go = self.sandbox.folder / GO
            wait_until(go.exists, timeout=HELD_SECONDS, interval=0.05, what="the other systems")

    def stop(self, processes: list[Started]) -> None:
        """Terminate processes and wait for them."""
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)

    def close(self) -> None:
        """Kill what was started."""
        kill(self._started)


def measure(work: str, sandbox: Sandbox) -> dict[str, Any]:
    """Set the system up and do the work; return its results."""
    from tests.benchmarks.works import WORKS

    system = systems()[sandbox.system]
    if system.redis:
        empty_redis(sandbox)
    if system.postgres:
        create_postgres(sandbox)
    import django

    django.setup()
    prepare(system, sandbox)
    bench = Bench(system, sandbox)
    try:
        return WORKS[work](bench)
    finally:
        bench.close()
        if system.postgres:
            drop_postgres(sandbox)


def main() -> None:
    """Measure and write the result; exit at once, whatever threads a system has left."""
    # SIGTERM to the benchmark reaches this process as well: it kills what it has started.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    sandbox = Sandbox.from_environment()
    result: dict[str, Any]
    try:
        result = measure(sys.argv[1], sandbox)
    except Exception as error:  # noqa: BLE001  (a system's failure is a line of the report)
        trace = traceback.format_exc()
        result = {"error": f"{type(error).__name__}: {error}", "traceback": trace[-3000:]}
    (sandbox.folder / RESULT).write_text(json.dumps(result), "utf-8")
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
