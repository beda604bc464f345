"""Why a job is not running yet, and what would help."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q

from jobs.core.states import Status
from jobs.models import Job, Queue

from .stats import living_consumers

MOST_COUNTED: Final = 1000


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence, the moment it speaks of (its end), a command that helps, a failure before."""

    text: str
    until: datetime | None = None
    command: str = ""
    failure: str = ""


def why_waiting(job: Job, now: datetime) -> Reason | None:
    """Say why a job waits; None for one that runs or has finished."""
    if job.status == Status.SCHEDULED:
        return _scheduled(job)
    if job.status != Status.QUEUED:
        return None
    if Queue.objects.filter(name=job.queue, paused=True).exists():
        return Reason(f"The queue {job.queue} is paused. Staff can open it again in the dashboard.")
    if not any(job.queue in consumer.queues for consumer in living_consumers(now)):
        return Reason(
            f"No consumer serves the queue {job.queue}. Start one:",
            command=f"python manage.py runconsumers --queues {job.queue}",
        )
    return Reason(_in_line(jobs_ahead(job)))


def _scheduled(job: Job) -> Reason:
    if not job.failures:
        return Reason("It starts", until=job.run_after)
    left = job.max_attempts - job.failures
    more = "the last attempt" if left == 1 else f"{left} attempts are left, the next one"
    failure = f"{job.error_type}: {job.error_message}" if job.error_message else job.error_type
    return Reason(f"It failed; {more} starts", until=job.run_after, failure=failure)


def jobs_ahead(job: Job) -> int:
    """How many jobs of the queue come before this one, counted up to ``MOST_COUNTED`` + 1."""
    same = Q(priority=job.priority)
    before = (
        Q(priority__gt=job.priority)
        | same & Q(fair_position__lt=job.fair_position)
        | same & Q(fair_position=job.fair_position, id__lt=job.id)
    )
    line = Job.objects.filter(before, status=Status.QUEUED, queue=job.queue).order_by()
    return line.values("pk")[: MOST_COUNTED + 1].count()


def _in_line(ahead: int) -> str:
    if ahead > MOST_COUNTED:
        return f"More than {MOST_COUNTED:,} jobs are ahead of it."
    if ahead == 1:
        return "One job is ahead of it."
    return f"{ahead:,} jobs are ahead of it." if ahead else "It is the next to run."
