"""How many jobs the consumers can run at once, how many they run, and how old what they left is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Max, Min

from jobs.conf import get_conf
from jobs.core.db import as_uuid, connection, run
from jobs.models import Consumer, Job, QuarantinedMessage

from .stats import CAP

# Parameter: limit. Rows: (consumer id or NULL, number of jobs).
_RUNNING: Final = """
SELECT consumer_id, COUNT(*) FROM (
    SELECT consumer_id FROM jobs_job WHERE status = 'running' LIMIT %s) AS counted
GROUP BY consumer_id
"""
# Only this condition, word for word, lets SQLite use the index of these two; the succeeded could
# only be counted row by row. Parameters: limit, limit. Rows: (status, number of jobs).
_KEPT: Final = " UNION ALL ".join(
    f"""
SELECT '{status}', COUNT(*) FROM (
    SELECT 1 FROM jobs_job
    WHERE status = '{status}' AND status IN ('failed', 'cancelled') LIMIT %s) AS {status}
"""  # noqa: S608
    for status in ("failed", "cancelled")
)


@dataclass(slots=True)
class Slots:
    """How many jobs some consumers can run at once, and how many of these slots are busy."""

    total: int = 0
    busy: int = 0

    def add(self, consumer: Consumer, running: int) -> None:
        """Add a consumer. One may have claimed more than it runs at once."""
        self.total += consumer.concurrency
        self.busy += min(running, consumer.concurrency)


def slots(consumers: Iterable[Consumer]) -> tuple[Slots, dict[str, Slots]]:
    """Return the slots of all consumers, and for each queue those of the ones that serve it.

    A consumer's slots are there for each of its queues, so that those of the queues do not add up.
    """
    running = {as_uuid(key): number for key, number in run(connection(), _RUNNING, [CAP]) if key}
    every, by_queue = Slots(), dict[str, Slots]()
    for consumer in consumers:
        number = running.get(consumer.pk, 0)
        every.add(consumer, number)
        for queue in consumer.queues:
            by_queue.setdefault(queue, Slots()).add(consumer, number)
    return every, by_queue


def last_heartbeat() -> datetime | None:
    """When a consumer has last sent a heartbeat; None when none has in the last day."""
    found: datetime | None = Consumer.objects.aggregate(last=Max("heartbeat_at"))["last"]
    return found


def prune_overdue(now: datetime) -> timedelta:
    """For how long the oldest finished job should have been deleted.

    What is left to delete tells more than when a prune has last run: it may run and be too slow.
    """
    jobs = Job.objects.filter(finished_at__isnull=False)
    oldest: datetime | None = jobs.aggregate(oldest=Min("finished_at"))["oldest"]
    due = now - timedelta(days=get_conf().retention_days)
    return max(due - oldest, timedelta()) if oldest is not None else timedelta()


def kept_jobs() -> dict[str, int]:
    """How many failed and cancelled jobs are kept, each counted up to ``CAP``."""
    rows: list[tuple[Any, ...]] = run(connection(), _KEPT, [CAP, CAP])
    return dict(rows)


def quarantined_messages() -> int:
    """How many messages are in quarantine, counted up to ``CAP``."""
    return QuarantinedMessage.objects.order_by()[:CAP].count()
