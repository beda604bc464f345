"""Many jobs in one call, and how fast two processes work them off."""

from __future__ import annotations

import time
from typing import Any

from tests.benchmarks.run import Bench, Failed
from tests.benchmarks.sizes import sizes

AT_ONCE = 1_000
LIMIT_SECONDS = 120.0


def bulk(bench: Bench) -> dict[str, Any]:
    """Accept them while nobody works, then let the workers drain them."""
    jobs = sizes().bulk
    begin = time.monotonic()
    for first in range(0, jobs, AT_ONCE):
        idents = [f"m{number}" for number in range(first, first + AT_ONCE)]
        bench.system.enqueue_many("noop", idents)
    accepted = time.monotonic() - begin
    rate = drained(bench, jobs, LIMIT_SECONDS)
    if bench.trace.twice("m"):
        raise Failed("Some ran twice.")
    return {"accepted_per_s": round(jobs / accepted, 1), "drained_per_s": rate}


def drained(bench: Bench, jobs: int, seconds: float) -> float:
    """Start the workers; return the jobs a second that were recorded, for so long or until none
    is left. The clock starts with the first job."""
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
