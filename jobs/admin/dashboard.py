"""The dashboard: queues, consumers, what finished, failed and was slow. Each read is bounded."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.cache import cache
from django.utils import timezone

from jobs.core.db import Adapter, as_time, connection, run
from jobs.core.states import Status
from jobs.core.times import aware, local, project_time
from jobs.models import Consumer, Job
from jobs.queries.consumer_state import ALIVE, state_of
from jobs.queries.stats import QueueStats, queue_stats

from .chart import Chart, HourCount, chart

HOURS: Final = 24
HOUR_CAP: Final = 100_000
MAX_FAILURES: Final = 2_000
SAMPLE: Final = 250
CACHE_SECONDS: Final = 600
ROWS: Final = 8
MAX_CONSUMERS: Final = 50

_HOUR: Final = """
SELECT {number} AS hour, COUNT(*) AS n FROM (
    SELECT 1 FROM jobs_job WHERE finished_at >= %s AND finished_at < %s LIMIT %s) AS counted
"""

# By hand: a queryset takes five times as long to build its rows.
_LATEST: Final = """
SELECT task, status, started_at, finished_at FROM jobs_job WHERE finished_at >= %s
ORDER BY finished_at DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class FailingTask:
    """How often a task failed lately, and its last error."""

    task: str
    count: int
    error: str


@dataclass(frozen=True, slots=True)
class SlowTask:
    """How long a task's jobs took lately, in seconds."""

    task: str
    runs: int
    mean: float
    longest: float


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What the dashboard shows."""

    queues: list[QueueStats]
    consumers: list[tuple[Consumer, str]]
    chart: Chart
    failing: list[FailingTask]
    slowest: list[SlowTask]
    sample: int = SAMPLE

    @property
    def alive(self) -> int:
        """How many consumers are alive and take jobs."""
        return sum(state == ALIVE for _, state in self.consumers)


def dashboard() -> Dashboard:
    """Read everything, in the same few statements however many jobs there are."""
    now = timezone.now()
    rows = Consumer.objects.filter(dead_at=None)[:MAX_CONSUMERS]
    consumers = [(row, state_of(row, now)) for row in rows]
    return Dashboard(
        queues=queue_stats(row for row, state in consumers if state == ALIVE),
        consumers=consumers,
        chart=chart(finished_per_hour(now), HOUR_CAP),
        failing=failing(now),
        slowest=slowest(now),
    )


def finished_per_hour(now: datetime) -> list[HourCount]:
    """Count the jobs that finished in each of the last 24 hours, the current one included.

    One statement that reads nothing but the index over ``finished_at``. Hours that are over are
    cached: they change only by a retry or by an outcome that was written late.
    """
    # In UTC: local hours may repeat, and some zones begin theirs at half past.
    first = aware(local(now).replace(minute=0, second=0, microsecond=0))
    starts = [first - timedelta(hours=number) for number in reversed(range(HOURS))]
    keys = {start: f"jobs.finished.{start.timestamp():.0f}" for start in starts}
    known = cache.get_many(keys.values())
    missing = [start for start in starts if keys[start] not in known]
    counts = _count_hours(missing)
    complete = [start for start in missing if start + timedelta(hours=1, minutes=1) < aware(now)]
    cache.set_many({keys[start]: counts[start] for start in complete}, CACHE_SECONDS)
    return [
        HourCount(local(start), known.get(keys[start], counts.get(start, 0))) for start in starts
    ]


def _count_hours(starts: list[datetime]) -> dict[datetime, int]:
    db = connection()
    adapt = Adapter(db)
    parameters: list[Any] = []
    for start in starts:
        edges = (start, start + timedelta(hours=1))
        parameters += [adapt.time(project_time(edge)) for edge in edges] + [HOUR_CAP]
    parts = (_HOUR.format(number=number) for number in range(len(starts)))
    found = run(db, " UNION ALL ".join(parts), parameters)
    return {starts[number]: count for number, count in found}


def failing(now: datetime) -> list[FailingTask]:
    """The tasks that failed most often in the last day, among the newest failures."""
    rows = Job.objects.all().with_status(Status.FAILED).order_by("-id")
    found: dict[str, list[str]] = defaultdict(list)
    values = rows.values_list("task", "error_type", "finished_at")[:MAX_FAILURES]
    for task, error, finished in values:
        if finished and finished >= now - timedelta(hours=HOURS):
            found[task].append(error)
    tasks = [FailingTask(task, len(errors), errors[0]) for task, errors in found.items()]
    return sorted(tasks, key=lambda one: (-one.count, one.task))[:ROWS]


def slowest(now: datetime) -> list[SlowTask]:
    """The tasks whose jobs took longest on average, among the last that finished."""
    db = connection()
    oldest = Adapter(db).time(now - timedelta(hours=HOURS))
    found: dict[str, list[float]] = defaultdict(list)
    for task, status, *times in run(db, _LATEST, [oldest, SAMPLE]):
        started, finished = (as_time(time) for time in times)
        if status == Status.SUCCEEDED and started and finished:
            found[task].append((finished - started).total_seconds())
    tasks = [SlowTask(task, len(s), sum(s) / len(s), max(s)) for task, s in found.items()]
    return sorted(tasks, key=lambda one: -one.mean)[:ROWS]
