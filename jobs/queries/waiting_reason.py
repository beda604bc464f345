"""Why a job is not running yet, and what would help."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q

from jobs.core.states import Status
from jobs.models import Job, Queue

from .stats import serving_consumers

MAX_COUNTED: Final = 1000


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a job waits.

    Args:
        text: a sentence.
        until: the time that ends the sentence, if it names one.
        command: what to run against it, if that helps.
        failure: the error of the attempt before, if there was one.
    """

    text: str
    until: datetime | None = None
    command: str = ""
    failure: str = ""

    @property
    def sentence(self) -> str:
        """The text with its command, for a terminal."""
        return f"{self.text} {self.command}".strip()


def why_waiting(job: Job, now: datetime) -> Reason | None:
    """Return why a job waits; None if it runs or has finished."""
    if job.status == Status.SCHEDULED:
        return _scheduled(job)
    if job.status != Status.QUEUED:
        return None
    if Queue.objects.filter(name=job.queue, paused=True).exists():
        return Reason(f"The queue {job.queue} is paused. Staff can open it again in the dashboard.")
    if not any(job.queue in consumer.queues for consumer in serving_consumers(now)):
        return no_consumer(job.queue)
    return Reason(_queue_position(jobs_ahead(job)))


def no_consumer(queue: str, subject: str = "") -> Reason:
    """Say that no consumer serves a queue, and how to start one.

    Args:
        queue: its name.
        subject: how the sentence names the queue, ``the queue <name>`` if empty.
    """
    return Reason(
        f"No consumer serves {subject or f'the queue {queue}'}. Start one:",
        command=f"python manage.py runconsumers --queues {queue}",
    )


def _scheduled(job: Job) -> Reason:
    if not job.failures:
        return Reason("It starts", until=job.run_after)
    left = job.max_attempts - job.failures
    more = "the last attempt" if left == 1 else f"{left} attempts are left, the next one"
    failure = f"{job.error_type}: {job.error_message}" if job.error_message else job.error_type
    return Reason(f"It failed; {more} starts", until=job.run_after, failure=failure)


def jobs_ahead(job: Job) -> int:
    """Count the jobs of the queue that come before this one, up to ``MAX_COUNTED`` + 1."""
    same = Q(priority=job.priority)
    before = (
        Q(priority__gt=job.priority)
        | same & Q(fair_position__lt=job.fair_position)
        | same & Q(fair_position=job.fair_position, id__lt=job.id)
    )
    ahead = Job.objects.waiting_in(job.queue).filter(before).order_by()
    return ahead.values("pk")[: MAX_COUNTED + 1].count()


def _queue_position(ahead: int) -> str:
    if ahead > MAX_COUNTED:
        return f"More than {MAX_COUNTED:,} jobs are ahead of it."
    if ahead == 1:
        return "One job is ahead of it."
    return f"{ahead:,} jobs are ahead of it." if ahead else "It is the next to run."
