"""The results feed: pages of a thousand out of few jobs and of many, and how soon one hears."""

from __future__ import annotations

import http.client
import json
import os
import statistics
import time
from typing import TYPE_CHECKING, Any

from tests.benchmarks.run import Bench, Failed
from tests.benchmarks.stats import percentile
from tests.benchmarks.workload import workload
from tests.benchmarks.works.feed_followers import EventFollower, Follower, PageFollower

if TYPE_CHECKING:
    from jobs.feed import Cursor, Selection

ROWS = "BENCH_ROWS"
PAGE = 1000
PAGES = 30
RARE = "bench.rare"
RARE_JOBS = 100
SECONDS_BETWEEN = 0.1
"""Longer than a follower's longest pause."""
LIMIT_SECONDS = 60.0


def feed(bench: Bench) -> dict[str, Any]:
    """Return what pages cost, and the milliseconds from the end of an attempt, before its commit,
    until a follower has its job.

    ``grown_times`` compares a page of few jobs with one of many, ``place_times`` those at the
    beginning, in the middle and at the end of many. ``rare_ms`` is the slowest page for who asks
    for a task with a hundred jobs.
    """
    rows = int(os.environ.get(ROWS) or workload().feed)
    bench.stop(bench.start_workers())  # runs a job, which is copied
    bench.system.fill(PAGE)
    few = _milliseconds([None])[0]
    bench.system.fill(rows - PAGE)
    many = _milliseconds([_place(rows // 2 * half) for half in (0, 1, 2)])
    _make_rare(rows)
    return {
        "rows": rows,
        "read_per_s": round(1000 * PAGE / statistics.median(many)),
        "http_per_s": _over_http(bench),
        "grown_times": round(many[0] / few, 2),
        "place_times": round(max(many) / min(many), 2),
        "rare_ms": _rare_milliseconds(),
        **_heard(bench, PageFollower(), "heard"),
        **_heard_of_events(bench),
    }


def _everything() -> Selection:
    from jobs.feed import Selection

    return Selection(everyone=True)


def _milliseconds(places: list[Cursor | None]) -> list[float]:
    """Return the median of a page at each place; they are read in turn, so alike but for it."""
    from jobs.feed import read_page

    took: list[list[float]] = [[] for _ in places]
    for _ in range(PAGES):
        for place, times in zip(places, took, strict=True):
            begin = time.perf_counter()
            page = read_page(place, _everything(), PAGE, "/")
            times.append(1000 * (time.perf_counter() - begin))
            if len(page.items) != PAGE:
                raise Failed(f"A page had {len(page.items)} jobs.")
    return [statistics.median(times) for times in took]


def _place(number: int) -> Cursor | None:
    """Return the place with so many jobs before it, and a page behind it."""
    from jobs.feed import Cursor
    from jobs.models import Job

    ended = Job.objects.exclude(feed_position=None).order_by("feed_position", "id")
    if number == 0:
        return None
    number = min(number, ended.count() - PAGE) - 1
    position, key = ended.values_list("feed_position", "id")[number]
    return Cursor(int(position or 0), key, int(time.time()))


def _make_rare(rows: int) -> None:
    from jobs.models import Job

    ids = Job.objects.order_by("id").values_list("id", flat=True)[:: max(1, rows // RARE_JOBS)]
    Job.objects.filter(id__in=list(ids)).update(task=RARE)


def _rare_milliseconds() -> float:
    from jobs.feed import Selection, read_page

    place: Cursor | None = None
    worst, found, more = 0.0, 0, True
    while more:
        begin = time.perf_counter()
        page = read_page(place, Selection(everyone=True, task=RARE), PAGE, "/")
        worst = max(worst, 1000 * (time.perf_counter() - begin))
        place, found, more = page.next, found + len(page.items), page.more
    if found < RARE_JOBS:
        raise Failed(f"Only {found} of {RARE_JOBS} were found.")
    return round(worst, 1)


def _over_http(bench: Bench) -> int:
    """Return the jobs a second of a client that reads page after page, and parses none."""
    server, port = bench.start_web()
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    path = f"/api/v1/results?limit={PAGE}"
    after, pages, more, begin = "", 0, True, time.perf_counter()
    while more and pages < PAGES:
        client.request("GET", path + after, headers=bench.system.headers())
        body = client.getresponse().read()
        end = json.loads(b'{"next":"' + body.rpartition(b'"next":"')[2])
        after, more, pages = f"&after={end['next']}", end["more"], pages + 1
    seconds = time.perf_counter() - begin
    client.close()
    bench.stop([server])
    return round(PAGE * (pages - (not more)) / seconds)


def _heard_of_events(bench: Bench) -> dict[str, float]:
    server, port = bench.start_web()
    found = _heard(bench, EventFollower(port, bench.system.headers()), "event")
    bench.stop([server])
    return found


def _heard(bench: Bench, follower: Follower, name: str) -> dict[str, float]:
    endings = workload().feed_endings
    workers = bench.start_workers()
    follower.start()
    try:
        for number in range(endings):
            bench.enqueue("noop", f"{name}{number}")
            time.sleep(SECONDS_BETWEEN)
        follower.wait_for(endings, LIMIT_SECONDS)
    finally:
        follower.stop()
        bench.stop(workers)
    if len(follower.heard) < endings:
        raise Failed(f"Only {len(follower.heard)} of {endings} were heard of ({name}).")
    return {
        f"{name}_p50_ms": round(percentile(follower.heard, 50), 1),
        f"{name}_p99_ms": round(percentile(follower.heard, 99), 1),
    }
