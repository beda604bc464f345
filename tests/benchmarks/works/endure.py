"""Many minutes at the highest sustainable rate, with readers that never stop."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import datetime
from typing import Any

from tests.benchmarks.processes import Started, memory
from tests.benchmarks.run import Bench
from tests.benchmarks.works.http import unchanged

SECONDS, INTERVAL = "BENCH_SECONDS", "BENCH_INTERVAL"
READERS_WANTED = "BENCH_READERS"
POLLERS = 50
MEGABYTE = 1024 * 1024


def endure(bench: Bench) -> dict[str, Any]:
    """Submit jobs and measure; one line for each interval."""
    seconds = float(os.environ.get(SECONDS, "600"))
    interval = float(os.environ.get(INTERVAL, "10"))
    workers = bench.start_workers()
    web, port = bench.start_web()
    _start_pollers(bench, port, seconds)
    if not bench.system.postgres and os.environ.get(READERS_WANTED, "1") == "1":
        bench.start("readers", [sys.executable, "-m", "tests.benchmarks.overlapping_readers"])
    submitter = bench.start("submitter", [sys.executable, "-m", "tests.benchmarks.submitter"])
    sampler = _Sampler(bench, {"consumers": workers, "site": [web]})
    begin = time.monotonic()
    lines = []
    while time.monotonic() - begin < seconds:
        time.sleep(interval)
        lines.append({"s": round(time.monotonic() - begin), **sampler.sample()})
    submitter.terminate()
    return {"lines": lines}


def _start_pollers(bench: Bench, port: int, seconds: float) -> None:
    """Start clients that each poll a job once a second, for the whole time."""
    call = unchanged(bench, port)
    plan = bench.sandbox.folder / "crowd.json"
    request = {"path": call.path, "headers": dict(call.headers), "port": port}
    plan.write_text(json.dumps({**request, "clients": POLLERS, "seconds": seconds}), "utf-8")
    bench.start("crowd", [sys.executable, "-m", "tests.benchmarks.polling_clients", str(plan)])


class _Sampler:
    """Takes the values at the end of an interval."""

    def __init__(self, bench: Bench, parts: dict[str, list[Started]]) -> None:
        self._bench = bench
        self._parts = parts
        self._since = self._now()

    def sample(self) -> dict[str, float]:
        """Return the current values, and what was done since the last sample."""
        from jobs.models import Job

        now = self._now()
        done = Job.objects.filter(finished_at__gte=self._since, finished_at__lt=now).count()
        queued = list(Job.objects.filter(status="queued").values_list("created_at", flat=True))
        found = {
            "jobs_per_s": round(done / (now - self._since).total_seconds(), 1),
            "waiting": len(queued),
            "oldest_s": round((now - min(queued)).total_seconds(), 2) if queued else 0.0,
            "log_mb": self._megabytes("-wal"),
            "database_mb": self._megabytes(""),
        }
        for name, processes in self._parts.items():
            found[f"{name}_pss_mb"] = memory(processes).pss
        self._since = now
        return found

    def _megabytes(self, ending: str) -> float:
        file = self._bench.sandbox.folder / "var" / f"db.sqlite3{ending}"
        return round(file.stat().st_size / MEGABYTE, 1) if file.exists() else 0.0

    @staticmethod
    def _now() -> datetime:
        from django.utils import timezone

        return timezone.now()
