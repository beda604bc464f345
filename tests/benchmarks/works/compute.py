"""Jobs that compute, against what two cores would take for nothing but the computing."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

from tests.benchmarks.pool import ARGUMENT, JOBS, PROCESSES
from tests.benchmarks.processes import ROOT
from tests.benchmarks.run import Bench, Failed
from tests.benchmarks.sizes import sizes

LIMIT_SECONDS = 120.0


def compute(bench: Bench) -> dict[str, float]:
    """The jobs, and each time right before them a bare pool: the machine changes by the minute."""
    has_workers = bool(bench.start_workers())
    rounds = [_round(bench, number, has_workers) for number in range(sizes().compute_rounds)]
    return {key: round(statistics.median(one[key] for one in rounds), 3) for key in rounds[0]}


def _round(bench: Bench, number: int, has_workers: bool) -> dict[str, float]:
    machine = _machine()
    ideal = machine["alone"] * JOBS / PROCESSES
    wall = _jobs(bench, f"c{number}-") if has_workers else machine["wall"]
    return {
        "over_ideal": wall / ideal,
        "pool_over_ideal": machine["wall"] / ideal,
        "over_pool": wall / machine["wall"],
        "two_over_one": machine["beside"] / machine["alone"],
        "wall_s": wall,
    }


def _machine() -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.pool"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    found: dict[str, float] = json.loads(said)
    return found


def _jobs(bench: Bench, prefix: str) -> float:
    time.sleep(1)  # as idle as the pool was
    begin = time.time()
    for number in range(JOBS):
        bench.enqueue("fib", f"{prefix}{number}", ARGUMENT)
    if bench.trace.wait_count(prefix, JOBS, LIMIT_SECONDS, ended=True) < JOBS:
        raise Failed("Not all ended.")
    ends = (end[-1].at for name, end in bench.trace.ends.items() if name.startswith(prefix))
    return max(ends) - begin
