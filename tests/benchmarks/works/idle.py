"""Idle systems: how they start, what they cost, how soon they notice a job."""

from __future__ import annotations

import random
import time
from typing import Any

from tests.benchmarks.processes import cpu_seconds, memory
from tests.benchmarks.run import READY_SECONDS, Bench, Failed
from tests.benchmarks.stats import percentile
from tests.benchmarks.workload import workload

REST_SECONDS, RESTS = 60.0, 3


def start(bench: Bench) -> dict[str, Any]:
    """Measure from the workers' start to the first job's start; then the memory when idle."""
    bench.enqueue("noop", "first")
    begin = time.time()
    workers = bench.start_workers(ready=False)
    first = bench.trace.wait_start("first", READY_SECONDS)
    if first is None:
        raise Failed("No job ran.")
    time.sleep(workload().settle_seconds)
    held = memory(workers)
    return {
        "start_s": round(first.at - begin, 3),
        "pss_mb": held.pss,
        "rss_mb": held.rss,
        "processes": held.processes,
    }


def pickup(bench: Bench) -> dict[str, Any]:
    """Measure from a job's submission to its start; the workers were idle for three seconds."""
    bench.start_workers()
    bench.set_up()
    count = workload().pickups
    took = [_one_pickup(bench, f"p{n}", 3 + 0.4 * random.random()) for n in range(count)]
    return {
        "p50_ms": percentile(took, 50),
        "p95_ms": percentile(took, 95),
        "worst_ms": max(took),
        "samples": len(took),
    }


def rest(bench: Bench) -> dict[str, Any]:
    """The same after an idle minute (some systems poll less and less often), and the idle CPU."""
    workers = bench.start_workers()
    bench.set_up()
    time.sleep(workload().settle_seconds)
    before, begin = cpu_seconds(workers), time.monotonic()
    took = [_one_pickup(bench, f"r{n}", REST_SECONDS + random.random()) for n in range(RESTS)]
    used = (cpu_seconds(workers) - before) / (time.monotonic() - begin)
    return {
        "p50_ms": percentile(took, 50),
        "worst_ms": max(took),
        "cpu_percent": round(100 * used, 2),
        "samples": len(took),
    }


def _one_pickup(bench: Bench, ident: str, idle: float) -> float:
    time.sleep(idle)
    bench.enqueue("noop", ident)
    submitted = time.time()
    found = bench.trace.wait_start(ident, READY_SECONDS)
    if found is None:
        raise Failed(f"{ident} never ran.")
    return round(1000 * (found.at - submitted), 3)
