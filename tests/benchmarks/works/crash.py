"""Workers that die, and a long job."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from typing import Any

from tests.benchmarks.processes import kill
from tests.benchmarks.run import Bench, Failed

WATCHED_SECONDS, ALONE_SECONDS = 130.0, 4.0
EXTRA_RUN_SECONDS = 12.0
QUEUED = 6
LONG_SECONDS = 130.0


def crash(bench: Bench) -> dict[str, Any]:
    """Kill all processes (SIGKILL) with two jobs running and six queued, then start them twice."""
    workers = bench.start_workers()
    time.sleep(1)
    naps = [f"n{number}" for number in range(2)]
    for nap in naps:
        bench.enqueue("nap", nap, 5)
    for nap in naps:
        if bench.trace.wait_start(nap, 20) is None:
            raise Failed("The jobs to be interrupted never ran.")
    queued = [f"q{number}" for number in range(QUEUED)]
    for ident in queued:
        bench.enqueue("noop", ident)
    time.sleep(1)
    kill(workers)
    bench.trace.read()
    before = {ident: len(starts) for ident, starts in bench.trace.starts.items()}
    time.sleep(0.5)
    begin = time.time()
    bench.start_workers(ready=False)
    time.sleep(2)
    bench.start_workers(ready=False)
    return _after_crash(bench, naps, queued, before, begin)


def _after_crash(
    bench: Bench, naps: list[str], queued: list[str], before: dict[str, int], begin: float
) -> dict[str, Any]:
    starts = bench.trace.starts

    def again(idents: Iterable[str]) -> list[str]:
        return [one for one in idents if len(starts.get(one, ())) > before.get(one, 0)]

    def all_again() -> bool:
        return len(again(naps)) == 2 and all(one in starts for one in queued)

    # A system that runs the jobs again at once is measured alone; the others are waited for
    # concurrently.
    bench.trace.wait(all_again, ALONE_SECONDS)
    bench.set_up()
    bench.trace.wait(all_again, WATCHED_SECONDS - ALONE_SECONDS)
    time.sleep(EXTRA_RUN_SECONDS)  # some systems run a job once more than they should
    bench.trace.read()
    rerun = {one: starts[one][before[one]].at - begin for one in again(naps)}
    return {
        "rerun": len(rerun),
        "rerun_after_s": round(max(rerun.values()), 2) if rerun else None,
        "queued_run": sum(one in starts for one in queued),
        "ran_twice": sum(
            len(found) - before.get(one, 0) > 1
            for one, found in starts.items()
            if one in naps + queued
        ),
    }


def one_dies(bench: Bench) -> dict[str, Any]:
    """Kill the one process that runs a job (SIGKILL); nothing is started again."""
    bench.start_workers()
    time.sleep(1)
    bench.enqueue("nap", "n0", 5)
    victim = bench.trace.wait_start("n0", 20)
    if victim is None:
        raise Failed("The job to be interrupted never ran.")
    time.sleep(1)
    os.kill(victim.pid, signal.SIGKILL)
    begin = time.time()
    bench.trace.wait(lambda: len(bench.trace.starts["n0"]) > 1, 40)
    found = bench.trace.starts["n0"]
    return {"rerun_after_s": round(found[1].at - begin, 2) if len(found) > 1 else None}


def long(bench: Bench) -> dict[str, Any]:
    """How often does a job of 130 s start, with twice the workers and nothing wrong?"""
    bench.start_workers()
    bench.start_workers(ready=False)
    bench.enqueue("nap", "long", LONG_SECONDS)
    first = bench.trace.wait_start("long", 20)
    if first is None:
        raise Failed("It never ran.")
    bench.set_up()
    time.sleep(max(0.0, first.at + LONG_SECONDS + 20 - time.time()))
    bench.trace.read()
    return {"starts": len(bench.trace.starts["long"]), "ends": len(bench.trace.ends["long"])}
