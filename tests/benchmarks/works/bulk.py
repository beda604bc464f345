"""Many jobs in one call, and how fast two processes run them."""

from __future__ import annotations

import time
from typing import Any

from tests.benchmarks.run import Bench, Failed
from tests.benchmarks.workload import workload

PER_CALL = 1_000
LIMIT_SECONDS = 120.0


def bulk(bench: Bench) -> dict[str, Any]:
    """Submit jobs while no worker runs, then let the workers drain them."""
    jobs = workload().bulk
    begin = time.monotonic()
    for first in range(0, jobs, PER_CALL):
        idents = [f"m{number}" for number in range(first, first + PER_CALL)]
        bench.system.enqueue_many("noop", idents)
    accepted = time.monotonic() - begin
    rate = drained(bench, jobs, LIMIT_SECONDS)
    if bench.trace.twice("m"):
        raise Failed("Some ran twice.")
    return {"accepted_per_s": round(jobs / accepted, 1), "drained_per_s": rate}


def drained(bench: Bench, jobs: int, seconds: float) -> float:
    """Start the workers; return the recorded jobs per second, until all are done or the time is up.

    The clock starts with the first job."""
    before = bench.system.recorded() or 0
    now = time.time()

    def started() -> list[float]:
        return [one[-1].at for one in bench.trace.starts.values() if one[-1].at > now]

    bench.start_workers(ready=False)
    if not bench.trace.wait(lambda: bool(started()), 60):
        raise Failed("No job ran.")
    begin = min(started())
    done = 0
    while done < jobs and time.time() - begin < seconds:
        done = (bench.system.recorded() or 0) - before
        time.sleep(0.01)
    return round(done / (time.time() - begin), 1)
