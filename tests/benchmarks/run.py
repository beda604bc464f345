"""One measurement: one work of one system, in a fresh folder, in a process of its own.

``python -m tests.benchmarks.run WORK`` with the surroundings of ``place`` in the environment;
leaves ``result.json`` in the folder.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from typing import Any

from tests.benchmarks.place import Place, drop_postgres, fresh_postgres, fresh_redis
from tests.benchmarks.prepared import prepare
from tests.benchmarks.processes import Started, kill, start
from tests.benchmarks.systems import systems
from tests.benchmarks.systems.base import System
from tests.benchmarks.tracefile import Trace
from tests.ports import free_port

READY_SECONDS = 60.0
RESULT, READY, GO = "result.json", "ready", "go"
HELD = "BENCH_HELD"
"""Set where several systems are measured at a time: none begins before all are set up."""
HELD_SECONDS = 600.0


class Failed(Exception):
    """The system did not do what the work needs."""


class Bench:
    """A system that is set up, its processes and its trace."""

    def __init__(self, system: System, place: Place) -> None:
        self.system = system
        self.place = place
        self.trace = Trace(place.trace)
        self.recorded = 0
        self._started: list[Started] = []

    def start_workers(self, *, ready: bool = True) -> list[Started]:
        """Start the two slots; unless told otherwise, wait until they have run a job."""
        found = [self.start("worker", command) for command in self.system.workers()]
        if ready and found:
            self.enqueue("noop", "ready")
            if self.trace.wait_start("ready", READY_SECONDS) is None:
                raise Failed(f"No job ran within {READY_SECONDS:g} s.")
            self.recorded = self.system.wait_recorded(1, 30) or 0
        return found

    def start_workers_again(self) -> list[Started]:
        """Start them once more, without waiting."""
        return self.start_workers(ready=False)

    def start_web(self) -> tuple[Started, int]:
        """Start the web server and wait until it answers; return it and its port."""
        from tests.benchmarks.traffic import wait_answers

        port = free_port()
        server = self.start("web", self.system.web(port))
        wait_answers(port, self.system.ping_path, READY_SECONDS)
        return server, port

    def start(self, log: str, command: list[str]) -> Started:
        """Start a process that is killed at the end."""
        process = start(command, self.place.folder / f"{log}.log", os.environ)
        self._started.append(process)
        return process

    def enqueue(self, kind: str, ident: str, *args: Any) -> None:
        """Hand in a job."""
        self.system.enqueue(kind, ident, *args)

    def set_up(self) -> None:
        """Say that the next system may be set up; wait for those that are measured beside us."""
        (self.place.folder / READY).touch()
        end = time.monotonic() + HELD_SECONDS
        while os.environ.get(HELD) and not (self.place.folder / GO).exists():
            if time.monotonic() > end:
                raise Failed("The others were never set up.")
            time.sleep(0.05)

    def stop(self, processes: list[Started]) -> None:
        """Let processes end in their own way."""
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)

    def close(self) -> None:
        """Kill what was started."""
        kill(self._started)


def measure(work: str, place: Place) -> dict[str, Any]:
    """Set the system up and do the work; return its figures."""
    from tests.benchmarks.works import WORKS

    system = systems()[place.system]
    if system.redis:
        fresh_redis(place)
    if system.postgres:
        fresh_postgres(place)
    import django

    django.setup()
    prepare(system, place)
    bench = Bench(system, place)
    try:
        return WORKS[work](bench)
    finally:
        bench.close()
        if system.postgres:
            drop_postgres(place)


def main() -> None:
    """Measure and leave the result; leave at once, whatever threads a system has left."""
    # Who stops the benchmark reaches this process too: it takes along what it has started.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    place = Place.here()
    result: dict[str, Any]
    try:
        result = measure(sys.argv[1], place)
    except Exception as error:  # noqa: BLE001  (one system's failure is a line in the report)
        trace = traceback.format_exc()
        result = {"error": f"{type(error).__name__}: {error}", "traceback": trace[-3000:]}
    (place.folder / RESULT).write_text(json.dumps(result), "utf-8")
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
