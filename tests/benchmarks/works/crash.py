"""Workers that die, and a job that takes its time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from typing import Any

from tests.benchmarks.processes import kill
from tests.benchmarks.run import Bench, Failed

WATCHED_SECONDS, ALONE_SECONDS = 130.0, 4.0
AFTERMATH_SECONDS = 12.0
QUEUED = 6
LONG_SECONDS = 130.0


def crash(bench: Bench) -> dict[str, Any]:
    """Kill -9 of all processes with two jobs running and six waiting; then two workers again."""
    workers = bench.start_workers()
    time.sleep(1)
    naps = [f"n{number}" for number in range(2)]
    for nap in naps:
        bench.enqueue("nap", nap, 5)
    for nap in naps:
        if bench.trace.wait_start(nap, 20) is None:
            raise Failed("The jobs to be interrupted never ran.")
    waiting = [f"q{number}" for number in range(QUEUED)]
    for ident in waiting:
        bench.enqueue("noop", ident)
    time.sleep(1)
    kill(workers)
    bench.trace.read()
    before = {ident: len(starts) for ident, starts in bench.trace.starts.items()}
    time.sleep(0.5)
    begin = time.time()
    bench.start_workers_again()
    time.sleep(2)
    bench.start_workers_again()
    return _after_crash(bench, naps, waiting, before, begin)


def _after_crash(
    bench: Bench, naps: list[str], waiting: list[str], before: dict[str, int], begin: float
) -> dict[str, Any]:
    starts = bench.trace.starts

    def again(idents: Iterable[str]) -> list[str]:
        return [one for one in idents if len(starts.get(one, ())) > before.get(one, 0)]

    def all_again() -> bool:
        return len(again(naps)) == 2 and all(one in starts for one in waiting)

    # Those that run the jobs again at once are alone for it; those that do not are waited for
    # beside others.
    bench.trace.wait(all_again, ALONE_SECONDS)
    bench.set_up()
    bench.trace.wait(all_again, WATCHED_SECONDS - ALONE_SECONDS)
    time.sleep(AFTERMATH_SECONDS)  # for those that run what they should not
    bench.trace.read()
    rerun = {one: starts[one][before[one]].at - begin for one in again(naps)}
    return {
        "rerun": len(rerun),
        "rerun_after_s": round(max(rerun.values()), 2) if rerun else None,
        "queued_run": sum(one in starts for one in waiting),
        "ran_twice": sum(
            len(found) - before.get(one, 0) > 1
            for one, found in starts.items()
            if one in naps + waiting
        ),
    }


def one_dies(bench: Bench) -> dict[str, Any]:
    """Kill -9 of the one process that runs a job, and nobody starts anything."""
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
    """A job of 130 s, twice the workers, nothing wrong: how often does it start?"""
    bench.start_workers()
    bench.start_workers_again()
    bench.enqueue("nap", "long", LONG_SECONDS)
    first = bench.trace.wait_start("long", 20)
    if first is None:
        raise Failed("It never ran.")
    bench.set_up()
    time.sleep(max(0.0, first.at + LONG_SECONDS + 20 - time.time()))
    bench.trace.read()
    return {"starts": len(bench.trace.starts["long"]), "ends": len(bench.trace.ends["long"])}
