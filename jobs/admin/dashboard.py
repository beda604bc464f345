"""The dashboard: how full the desk is, who works, what came of it. Each read is bounded."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from ..figures import QueueFigures, queue_figures
from ..lifecycle.adapting import Adapter
from ..lifecycle.sql import connection
from ..models import Consumer, Job
from ..states import Status
from .chart import Bar, Chart, chart
from .consumer import ALIVE, state_of

HOURS: Final = 24
MOST_AN_HOUR: Final = 100_000
SAMPLE: Final = 2_000
LINES: Final = 8
MOST_CONSUMERS: Final = 50

_HOUR: Final = """
SELECT {number} AS hour, COUNT(*) AS n FROM (
    SELECT 1 FROM jobs_job WHERE finished_at >= %s AND finished_at < %s LIMIT %s) AS counted
"""


@dataclass(frozen=True, slots=True)
class Failing:
    """How often a task failed lately, and how last."""

    task: str
    count: int
    error: str


@dataclass(frozen=True, slots=True)
class Slow:
    """How long a task's jobs took lately, in seconds."""

    task: str
    runs: int
    mean: float
    longest: float


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What the dashboard shows."""

    queues: list[QueueFigures]
    consumers: list[tuple[Consumer, str]]
    chart: Chart
    failing: list[Failing]
    slowest: list[Slow]
    sample: int = SAMPLE

    @property
    def alive(self) -> int:
        """How many consumers live."""
        return sum(state == ALIVE for _, state in self.consumers)


def dashboard() -> Dashboard:
    """Read everything, in the same few statements however many jobs there are."""
    now = timezone.now()
    rows = Consumer.objects.filter(dead_at=None)[:MOST_CONSUMERS]
    consumers = [(row, state_of(row, now)) for row in rows]
    return Dashboard(
        queues=queue_figures(row for row, state in consumers if state == ALIVE),
        consumers=consumers,
        chart=chart(finished_per_hour(now), MOST_AN_HOUR),
        failing=failing(now),
        slowest=slowest(now),
    )


def finished_per_hour(now: datetime) -> list[Bar]:
    """How many jobs finished in each of the last 24 hours, this one included.

    One statement that reads nothing but the index over ``finished_at``.
    """
    db = connection()
    adapt = Adapter(db)
    local = timezone.localtime(now)
    first = local.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    starts = [first + timedelta(hours=number) for number in range(HOURS)]
    parameters: list[Any] = []
    for start in starts:
        edges = (start, start + timedelta(hours=1))
        parameters += [adapt.time(edge) for edge in edges] + [MOST_AN_HOUR]
    with db.cursor() as cursor:
        parts = (_HOUR.format(number=number) for number in range(HOURS))
        cursor.execute(" UNION ALL ".join(parts), parameters)
        counts: dict[int, int] = dict(cursor.fetchall())
    return [Bar(start, counts[number]) for number, start in enumerate(starts)]


def failing(now: datetime) -> list[Failing]:
    """The tasks that failed most often in the last day, among the newest failures."""
    rows = Job.objects.all().with_status(Status.FAILED).order_by("-id")
    found: dict[str, list[str]] = defaultdict(list)
    values = rows.values_list("task", "error_type", "finished_at")[:SAMPLE]
    for task, error, finished in values:
        if finished and finished >= now - timedelta(hours=HOURS):
            found[task].append(error)
    counted = [Failing(task, len(errors), errors[0]) for task, errors in found.items()]
    return sorted(counted, key=lambda one: (-one.count, one.task))[:LINES]


def slowest(now: datetime) -> list[Slow]:
    """The tasks whose jobs took longest on average, among the last that finished."""
    rows = Job.objects.filter(finished_at__gte=now - timedelta(hours=HOURS))
    values = rows.order_by("-finished_at").values_list(
        "task", "status", "started_at", "finished_at"
    )
    found: dict[str, list[float]] = defaultdict(list)
    for task, status, started, finished in values[:SAMPLE]:
        if status == Status.SUCCEEDED and started and finished:
            found[task].append((finished - started).total_seconds())
    slow = [Slow(task, len(all_), sum(all_) / len(all_), max(all_)) for task, all_ in found.items()]
    return sorted(slow, key=lambda one: -one.mean)[:LINES]
