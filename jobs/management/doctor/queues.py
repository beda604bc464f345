"""The doctor's checks of consumers, queues and jobs that do not move on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from jobs import lifecycle
from jobs.core.formatting import ago, duration, pluralize
from jobs.core.states import Status
from jobs.models import Consumer, Job, QuarantinedMessage
from jobs.queries.consumer_state import state_of
from jobs.queries.stats import (
    QueueStats,
    living_consumers,
    next_to_claim,
    queue_stats,
    serving_consumers,
    waiting_since,
)
from jobs.queries.waiting_reason import no_consumer

from .findings import Finding, note, ok, problem

TOLERANCE: Final = timedelta(minutes=1)
"""How long a job may wait beside an idle consumer, or be overdue."""


def consumers(now: datetime) -> Iterator[Finding]:
    """Check which consumers are alive and which are silent."""
    alive = living_consumers(now)
    if alive:
        slots = sum(one.concurrency for one in alive)
        last = ago(max(one.heartbeat_at for one in alive), now)
        yield ok(
            f"{pluralize(len(alive), 'consumer')} with {pluralize(slots, 'slot')}, beat {last}."
        )
    else:
        start = "Start one: python manage.py runconsumers"
        yield problem("No consumer runs.", "no_consumer", start)
    for one in alive:
        if one.requested:
            text = f"The consumer {one} is {state_of(one, now)}: it takes nothing new."
            yield note(text, "consumer_quiet")
    for one in Consumer.objects.filter(dead_at=None).exclude(pk__in=[two.pk for two in alive]):
        last = ago(one.heartbeat_at, now)
        yield note(f"The consumer {one} is silent, its last beat was {last}.", "consumer_silent")


def queues(now: datetime) -> Iterator[Finding]:
    """Check for queues without consumers, paused ones, and jobs that wait beside idle consumers."""
    alive = living_consumers(now)
    for queue in queue_stats(serving_consumers(now)):
        waiting = f"{pluralize(queue.waiting, 'job')} waiting"
        if not queue.consumers:
            # Reported once for all queues when no consumer is alive.
            if alive or queue.waiting:
                subject = f"the queue {queue.name} ({waiting})"
                yield problem(no_consumer(queue.name, subject).sentence, "queue_unserved")
        elif queue.paused:
            yield note(f"The queue {queue.name} is paused ({waiting}).", "queue_paused")
        else:
            yield _served(queue, waiting, now)


def _served(queue: QueueStats, waiting: str, now: datetime) -> Finding:
    first = next_to_claim(queue.name)
    if first is None:
        return ok(f"The queue {queue.name} is served and empty.")
    since = waiting_since(first)
    if now - since < TOLERANCE or not _have_free_slots(queue.consumers):
        return ok(f"The queue {queue.name} is served ({waiting}).")
    waited = duration((now - since).total_seconds())
    return problem(
        f"The job {first.pk} has waited in {queue.name} for {waited} though its consumers have "
        "free slots.",
        "job_stuck",
        "Look at their log, or start them anew.",
    )


def _have_free_slots(serving: Iterable[Consumer]) -> bool:
    slots = {one.pk: one.concurrency for one in serving}
    running = Job.objects.filter(status=Status.RUNNING, consumer_id__in=slots)
    return running.count() < sum(slots.values())


def overdue(now: datetime) -> Iterator[Finding]:
    """Check for scheduled jobs that should have been queued."""
    due = lifecycle.next_due()
    if due is not None and now - due > TOLERANCE:
        late = duration((now - due).total_seconds())
        text = f"A scheduled job is overdue by {late}: it is for a consumer to queue it."
        yield problem(text, "job_overdue")


def running(now: datetime) -> Iterator[Finding]:
    """Check for running jobs whose consumer is not alive."""
    alive = {one.pk for one in living_consumers(now)}
    running_jobs = Job.objects.filter(status=Status.RUNNING)
    lost = running_jobs.exclude(consumer_id__in=alive).count()
    if lost:
        yield problem(
            f"{pluralize(lost, 'running job')} held by no living consumer.",
            "job_lost",
            "The next consumer that starts hands them on.",
        )
    elif alive and (count := running_jobs.count()):
        yield ok(f"{pluralize(count, 'running job')}, each held by a living consumer.")


def quarantine(now: datetime) -> Iterator[Finding]:
    """Check for messages that were no jobs."""
    count = QuarantinedMessage.objects.order_by()[:1000].count()
    if count:
        text = f"{pluralize(count, 'message')} in quarantine; the admin shows them."
        yield note(text, "messages_quarantined")
