"""Jobs that compute, compared with the CPU time of the computing alone on two cores."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

from tests.benchmarks.bare_pool import ARGUMENT, JOBS, PROCESSES
from tests.benchmarks.processes import ROOT
from tests.benchmarks.run import Bench, Failed
from tests.benchmarks.workload import workload

LIMIT_SECONDS = 120.0


def compute(bench: Bench) -> dict[str, float]:
    """Run the jobs right after a bare pool, because the machine's speed changes by the minute."""
    has_workers = bool(bench.start_workers())
    rounds = [_round(bench, number, has_workers) for number in range(workload().compute_rounds)]
    return {key: round(statistics.median(one[key] for one in rounds), 3) for key in rounds[0]}


def _round(bench: Bench, number: int, has_workers: bool) -> dict[str, float]:
    pool = _measure_bare_pool()
    ideal = pool["alone"] * JOBS / PROCESSES
    wall = _jobs(bench, f"c{number}-") if has_workers else pool["wall"]
    return {
        "over_ideal": wall / ideal,
        "pool_over_ideal": pool["wall"] / ideal,
        "over_pool": wall / pool["wall"],
        "two_over_one": pool["beside"] / pool["alone"],
        "wall_s": wall,
    }


def _measure_bare_pool() -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.bare_pool"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    found: dict[str, float] = json.loads(output)
    return found


def _jobs(bench: Bench, prefix: str) -> float:
    time.sleep(1)  # as idle as before the pool
    begin = time.time()
    for number in range(JOBS):
        bench.enqueue("fib", f"{prefix}{number}", ARGUMENT)
    if bench.trace.wait_count(prefix, JOBS, LIMIT_SECONDS, ended=True) < JOBS:
        raise Failed("Not all ended.")
    ends = (end[-1].at for name, end in bench.trace.ends.items() if name.startswith(prefix))
    return max(ends) - begin
