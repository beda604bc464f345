"""Many small jobs, submitted one by one, until all are recorded."""

from __future__ import annotations

import time
from typing import Any

from tests.benchmarks.run import Bench, Failed
from tests.benchmarks.workload import workload

LIMIT_SECONDS = 180.0
NO_PROGRESS_SECONDS = 10.0


def burst(bench: Bench) -> dict[str, Any]:
    """Submit jobs that do nothing, one by one; the clock stops when the last is recorded.

    Where no results are recorded, or some never are, it stops at the last start.
    """
    jobs = workload().burst
    bench.start_workers()
    time.sleep(1)
    begin = time.time()
    for number in range(jobs):
        bench.enqueue("noop", f"b{number}")
    submitted = time.time()
    ran = bench.trace.wait_count("b", jobs, LIMIT_SECONDS)
    recorded, at = _recorded(bench, jobs)
    if ran == 0:
        raise Failed("No job ran.")
    if recorded is None or recorded < jobs:
        at = max(s[0].at for name, s in bench.trace.starts.items() if name.startswith("b"))
    time.sleep(0.3)
    bench.trace.read()
    return {
        "jobs_per_s": round(ran / (at - begin), 1),
        "submitted_per_s": round(jobs / (submitted - begin), 1),
        "ran": ran,
        "recorded": recorded,
        "ran_twice": len(bench.trace.twice("b")),
    }


def _recorded(bench: Bench, jobs: int) -> tuple[int | None, float]:
    """Return the number of recorded jobs and the time of the last one; stop without progress."""
    wanted = bench.recorded + jobs
    seen, at = bench.system.wait_recorded(wanted, 1), time.time()
    while seen is not None and seen < wanted and time.time() - at < NO_PROGRESS_SECONDS:
        now = bench.system.wait_recorded(seen + 1, 1)
        if now is not None and now > seen:
            seen, at = now, time.time()
    return (None if seen is None else seen - bench.recorded), at
