"""Times of operations when the table has grown."""

from __future__ import annotations

import os
import time
from typing import Any

from tests.benchmarks.run import Bench, Failed
from tests.benchmarks.timing import median_ms

ROWS = "BENCH_ROWS"
STATUS = "BENCH_STATUS"
COMPARED = ("submit_ms", "claim_ms", "poll_ms", "list_ms", "dashboard_ms")
DRAINED, DRAINED_BY_OTHERS = 5_000, 1_000
DRAIN_SECONDS = 40.0
SAMPLES = 200


def grown(bench: Bench) -> dict[str, Any]:
    """Measure operations with an almost empty table, and with many jobs of a status."""
    rows = int(os.environ.get(ROWS, "1_000_000"))
    queued = os.environ.get(STATUS) == "queued"
    _template(bench, queued)
    before = _operation_times(bench)
    drained_before = None if queued else _drained(bench, "e")
    begin = time.monotonic()
    bench.system.fill(rows)
    filled = time.monotonic() - begin
    after = _operation_times(bench)
    # Last, because the workers empty the queue.
    drained = _drained_of_many(bench) if queued else _drained(bench, "g")
    times = {name: round(after[name] / value, 2) for name, value in before.items()}
    slower = {} if drained_before is None else {"drained_times": drained_before / drained}
    return {
        "rows": rows,
        "fill_s": round(filled, 1),
        **{f"{name}_empty": value for name, value in before.items()},
        **after,
        **{name.replace("_ms", "_times"): value for name, value in times.items()},
        "worst_times": max(times[name] for name in COMPARED if name in times),
        "drained_per_s_empty": drained_before,
        "drained_per_s": drained,
        **{name: round(value, 2) for name, value in slower.items()},
    }


def _operation_times(bench: Bench) -> dict[str, float]:
    if not bench.system.ours:
        return {"submit_ms": median_ms(lambda: bench.enqueue("noop", "cost"), SAMPLES)}
    from tests.benchmarks.operation_times import OperationTimes

    return OperationTimes(bench).all()


def _template(bench: Bench, queued: bool) -> None:
    """Make a job to copy: a queued one, or one that a worker has finished."""
    if queued:
        bench.enqueue("noop", "template")
    else:
        bench.stop(bench.start_workers())


def _drained(bench: Bench, prefix: str) -> float:
    """Submit some more jobs before the workers start; return how many of them start per second."""
    jobs = DRAINED if bench.system.ours else DRAINED_BY_OTHERS
    for number in range(jobs):
        bench.enqueue("noop", f"{prefix}{number}")
    workers = bench.start_workers(ready=False)
    bench.trace.wait_count(prefix, jobs, DRAIN_SECONDS)
    bench.stop(workers)
    starts = bench.trace.starts.items()
    found = sorted(start[0].at for ident, start in starts if ident.startswith(prefix))
    if len(found) < 2:
        raise Failed("Hardly a job ran.")
    return round((len(found) - 1) / (found[-1] - found[0]), 1)


def _drained_of_many(bench: Bench) -> float:
    from jobs.models import Job
    from tests.benchmarks.works.bulk import drained

    waiting = Job.objects.filter(status="queued").count()
    return drained(bench, min(waiting, DRAINED), 20.0)
