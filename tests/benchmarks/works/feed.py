"""The results feed: pages of a thousand out of many jobs, and how soon a follower hears."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import datetime
from typing import Any

from tests.benchmarks.run import Bench, Failed
from tests.benchmarks.stats import percentile

ROWS = "BENCH_ROWS"
PAGES = 30
ENDINGS = 100
SECONDS_BETWEEN = 0.1
"""Longer than a follower's longest pause."""
LIMIT_SECONDS = 60.0


def feed(bench: Bench) -> dict[str, Any]:
    """Return the jobs a second at the beginning and at the end of the feed, and the milliseconds
    from the end of an attempt, before its commit, until the follower has its job."""
    from jobs.feed import Cursor

    rows = int(os.environ.get(ROWS, "1_000_000"))
    bench.stop(bench.start_workers())  # runs a job, which is copied
    bench.system.fill(rows)
    begin = _jobs_a_second(None)
    late = Cursor(_late_position(), Cursor.start().job_id, int(time.time()))
    end = _jobs_a_second(late)
    heard = _heard(bench)
    return {
        "rows": rows,
        "read_per_s": begin,
        "read_late_per_s": end,
        "late_times": round(begin / end, 2),
        "heard_p50_ms": round(percentile(heard, 50), 1),
        "heard_p99_ms": round(percentile(heard, 99), 1),
    }


def _jobs_a_second(after: Any) -> float:
    from jobs.feed import MAX_LIMIT, Selection, read_page

    place, count = after, 0
    begin = time.perf_counter()
    for _ in range(PAGES):
        page = read_page(place, Selection(everyone=True), MAX_LIMIT, "/")
        place, count = page.next, count + len(page.items)
    if not count:
        raise Failed("There was nothing to read.")
    return round(count / (time.perf_counter() - begin))


def _late_position() -> int:
    """Behind it there are as many jobs as are read."""
    from jobs.feed import MAX_LIMIT
    from jobs.models import Job

    newest = Job.objects.exclude(feed_position=None).order_by("-feed_position", "-id")
    positions = newest.values_list("feed_position", flat=True)[: PAGES * MAX_LIMIT]
    *_, last = positions
    return int(last or 0)


def _heard(bench: Bench) -> list[float]:
    workers = bench.start_workers()
    follower = _Follower()
    follower.start()
    try:
        for number in range(ENDINGS):
            bench.enqueue("noop", f"h{number}")
            time.sleep(SECONDS_BETWEEN)
        follower.join(LIMIT_SECONDS)
    finally:
        follower.is_stopping = True
        bench.stop(workers)
    if len(follower.heard) < ENDINGS:
        raise Failed(f"Only {len(follower.heard)} were heard of.")
    return follower.heard


class _Follower(threading.Thread):
    """Notes how late it has each job that ends from now on."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.heard: list[float] = []
        self.is_stopping = False
        self._since = time.time()

    def run(self) -> None:
        """Follow until all have been heard of."""
        from django.db import connections

        from jobs.feed import Cursor, Page, Selection, read_page, wait_for_page

        place = Cursor(int(self._since * 1_000_000), Cursor.start().job_id, int(self._since))

        def read() -> Page:
            nonlocal place
            page = read_page(place, Selection(everyone=True), 100, "/")
            place = page.next
            return page

        while len(self.heard) < ENDINGS and not self.is_stopping:
            page, now = wait_for_page(read, 1.0), time.time()
            for item in page.items:
                ended = datetime.fromisoformat(json.loads(item.text)["finished_at"]).timestamp()
                self.heard += [1000 * (now - ended)] * (ended > self._since)
        connections.close_all()
