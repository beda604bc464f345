"""How much of each work is done: enough to compare, or just enough to see that it runs."""

from __future__ import annotations

import os
from dataclasses import dataclass

SHORT = "BENCH_SHORT"
LINES = "BENCH_BULK_LINES"


@dataclass(frozen=True, slots=True)
class Workload:
    """Numbers of jobs and samples; seconds."""

    burst: int = 2000
    bulk: int = 20_000
    bulk_http: int = 100_000
    feed: int = 1_000_000
    feed_endings: int = 100
    quiet_seconds: float = 8.0
    pickups: int = 10
    submit_seconds: int = 4
    poll_seconds: int = 2
    compute_rounds: int = 1
    crowd_seconds: int = 14
    settle_seconds: float = 2.0


def workload() -> Workload:
    """Return the full workload, or the one of ``--short``."""
    if os.environ.get(SHORT):
        return Workload(
            burst=300,
            bulk=5_000,
            bulk_http=5_000,
            feed=20_000,
            feed_endings=20,
            quiet_seconds=3.0,
            pickups=3,
            submit_seconds=2,
            poll_seconds=1,
            crowd_seconds=10,
        )
    return Workload(bulk_http=int(os.environ.get(LINES, "100000")))
