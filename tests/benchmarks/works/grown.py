"""What things cost when the table has grown."""

from __future__ import annotations

import os
import time
from typing import Any

from tests.benchmarks.run import Bench

ROWS = "BENCH_ROWS"
STATUS = "BENCH_STATUS"
WATCHED = ("submit_ms", "claim_ms", "poll_ms", "list_ms", "dashboard_ms")
DRAINED = 5_000


def grown(bench: Bench) -> dict[str, Any]:
    """Costs with next to nothing in the table, and with many jobs of a status."""
    from tests.benchmarks.costs import Costs
    from tests.benchmarks.fill import multiply

    rows = int(os.environ.get(ROWS, "1_000_000"))
    status = os.environ.get(STATUS, "succeeded")
    template = _template(bench, status)
    before = Costs(bench).all()
    begin = time.monotonic()
    multiply(template, rows)
    filled = time.monotonic() - begin
    after = Costs(bench).all()
    # Only now: the workers eat up what waits.
    times = {name: round(after[name] / value, 2) for name, value in before.items()}
    return {
        "rows": rows,
        "fill_s": round(filled, 1),
        **{f"{name}_empty": value for name, value in before.items()},
        **after,
        **{name.replace("_ms", "_times"): value for name, value in times.items()},
        "worst_times": max(times[name] for name in WATCHED),
        "drained_per_s": _drained(bench),
    }


def _template(bench: Bench, status: str) -> Any:
    """A job of this status, as a worker left it."""
    from jobs.models import Job

    if status == "queued":
        bench.enqueue("noop", "template")
        return Job.objects.get()
    workers = bench.start_workers()
    bench.stop(workers)
    return Job.objects.get()


def _drained(bench: Bench) -> float:
    from jobs.models import Job

    from .bulk import drained

    if os.environ.get(STATUS) != "queued":
        for number in range(DRAINED):
            bench.enqueue("noop", f"g{number}")
    waiting = Job.objects.filter(status="queued").count()
    return drained(bench, min(waiting, DRAINED), 20.0)
