"""Systems with nothing to do: how they start, what they cost, how soon they notice a job."""

from __future__ import annotations

import random
import time
from typing import Any

from tests.benchmarks.figures import percentile
from tests.benchmarks.processes import cpu_seconds, memory
from tests.benchmarks.run import READY_SECONDS, Bench, Failed
from tests.benchmarks.sizes import sizes

REST_SECONDS, RESTS = 60.0, 3


def start(bench: Bench) -> dict[str, Any]:
    """From the start of the workers to the first job's start; then the memory at rest."""
    bench.enqueue("noop", "first")
    begin = time.time()
    workers = bench.start_workers(ready=False)
    first = bench.trace.wait_start("first", READY_SECONDS)
    if first is None:
        raise Failed("No job ran.")
    time.sleep(sizes().settle_seconds)
    held = memory(workers)
    return {
        "start_s": round(first.at - begin, 3),
        "pss_mb": held.pss,
        "rss_mb": held.rss,
        "processes": held.processes,
    }


def pickup(bench: Bench) -> dict[str, Any]:
    """A job for workers that have idled for three seconds, from its hand-in to its start."""
    bench.start_workers()
    bench.set_up()
    count = sizes().pickups
    took = [_one_pickup(bench, f"p{n}", 3 + 0.4 * random.random()) for n in range(count)]
    return {
        "p50_ms": percentile(took, 50),
        "p95_ms": percentile(took, 95),
        "worst_ms": max(took),
        "samples": len(took),
    }


def rest(bench: Bench) -> dict[str, Any]:
    """The same after a minute: some systems look less and less often. And what resting costs."""
    workers = bench.start_workers()
    bench.set_up()
    time.sleep(sizes().settle_seconds)
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
    handed_in = time.time()
    found = bench.trace.wait_start(ident, READY_SECONDS)
    if found is None:
        raise Failed(f"{ident} never ran.")
    return round(1000 * (found.at - handed_in), 3)
