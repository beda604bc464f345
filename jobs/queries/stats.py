"""Numbers about queues and consumers, for people: each read is bounded, however many jobs wait."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from jobs import lifecycle
from jobs.backend import JobsBackend
from jobs.catalog.registry import all_tasks, declarations
from jobs.compat import task_backends
from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.core.distinct import distinct
from jobs.core.states import Status
from jobs.models import Consumer, Job, Queue

DEFAULT_QUEUE: Final = "default"
CAP: Final = 100_000
"""Counting stops here: 100,000 then means "or more"."""

# Each part reads a partial index up to the limit. The names are rows and not parts, of which SQLite
# takes 500. Parameters: the queues, limit, limit, limit. Rows: (status, queue, number of jobs).
_UNFINISHED: Final = """
WITH names (queue) AS (VALUES {names})
SELECT 'queued', queue, (SELECT COUNT(*) FROM (
    SELECT 1 FROM jobs_job WHERE status = 'queued' AND queue = names.queue LIMIT %s) AS waiting)
FROM names
UNION ALL SELECT 'scheduled', queue, COUNT(*) FROM (
    SELECT queue FROM jobs_job WHERE status = 'scheduled' LIMIT %s) AS scheduled GROUP BY queue
UNION ALL SELECT 'running', queue, COUNT(*) FROM (
    SELECT queue FROM jobs_job WHERE status = 'running' LIMIT %s) AS running GROUP BY queue
"""


@dataclass(slots=True)
class QueueStats:
    """How many jobs one queue has, and which consumers serve it. Counts stop at ``CAP``."""

    name: str
    paused: bool = False
    waiting: int = 0
    scheduled: int = 0
    running: int = 0
    consumers: list[Consumer] = field(default_factory=list)


def configured_queues() -> set[str]:
    """Return the queues that ``TASKS`` lists for this backend.

    Where it lists none (``"QUEUES": []``, any name will do): the queues that tasks are declared
    for, and Django's default.
    """
    found: set[str] = set()
    for alias, backend in _our_backends():
        declared = {one.task.queue_name for one in declarations() if one.task.backend == alias}
        found |= set(backend.queues) or declared | {DEFAULT_QUEUE}
    return found


def declared_tasks() -> list[tuple[str, str]]:
    """Return the tasks of this backend that are in the code, each with its own queue."""
    aliases = {alias for alias, _ in _our_backends()}
    tasks = all_tasks().values()
    return [(task.name, task.queue_name) for task in tasks if task.backend in aliases]


def takes_any_queue() -> bool:
    """Whether a job may be submitted to a queue that ``TASKS`` does not list."""
    return any(not backend.queues for _, backend in _our_backends())


def _our_backends() -> list[tuple[str, JobsBackend]]:
    named = [(alias, task_backends[alias]) for alias in task_backends.settings]
    return [(alias, one) for alias, one in named if isinstance(one, JobsBackend)]


def waiting_queues() -> set[str]:
    """Return the queues in which jobs wait, also those that are no longer configured."""
    return lifecycle.waiting_queues()


def recorded_tasks() -> set[str]:
    """Return the names of the tasks that have jobs, also of removed ones; 200 at most."""
    return distinct("task", "1 = 1")


def living_consumers(now: datetime) -> list[Consumer]:
    """Return the consumers that are not declared dead and whose last heartbeat is within the lease.

    This compares clocks, which is good enough for people to read; no consumer is declared dead by
    it.
    """
    since = now - timedelta(seconds=get_conf().lease_seconds)
    return list(Consumer.objects.filter(dead_at=None, heartbeat_at__gte=since))


def serving_consumers(now: datetime) -> list[Consumer]:
    """Return the living consumers that take jobs: not those that are quiet or about to stop."""
    return [consumer for consumer in living_consumers(now) if not consumer.requested]


def queue_stats(consumers: Iterable[Consumer]) -> list[QueueStats]:
    """Return every queue that is configured, served, paused or has unfinished jobs, by name.

    Args:
        consumers: those that count as serving, as ``serving_consumers`` returns them.
    """
    found = {name: QueueStats(name) for name in configured_queues() | waiting_queues()}
    for row in Queue.objects.all():
        found.setdefault(row.name, QueueStats(row.name)).paused = row.paused
    for consumer in consumers:
        for name in consumer.queues:
            found.setdefault(name, QueueStats(name)).consumers.append(consumer)
    for status, name, count in _unfinished(sorted(found)):
        stats = found.setdefault(name, QueueStats(name))
        setattr(stats, _FIELDS[status], count)
    return [found[name] for name in sorted(found)]


_FIELDS: Final = {
    Status.QUEUED.value: "waiting",
    Status.SCHEDULED.value: "scheduled",
    Status.RUNNING.value: "running",
}


def _unfinished(queues: list[str]) -> list[tuple[str, str, int]]:
    """Count the waiting jobs of these queues and the scheduled and running of all; no zeros."""
    statement = _UNFINISHED.format(names=", ".join(["(%s)"] * len(queues)) or "(NULL)")
    with connection().cursor() as cursor:
        cursor.execute(statement, [*queues, CAP, CAP, CAP])
        return [row for row in cursor.fetchall() if row[2]]


def next_to_claim(queue: str) -> Job | None:
    """Return the waiting job that would be claimed next, None if none waits."""
    return Job.objects.waiting_in(queue).first()


def waiting_since(job: Job) -> datetime:
    """Since when a job could have been claimed: it was submitted, came due, or was released."""
    last = job.attempts.order_by("-number").values_list("ended_at", flat=True).first()
    return max(time for time in (job.created_at, job.run_after, last) if time is not None)
