"""Jobs that get nowhere, and why: nobody serves them, nobody takes them, nobody runs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from jobs import lifecycle
from jobs.core.formatting import ago, duration, pluralize
from jobs.core.states import Status
from jobs.models import Consumer, Job, QuarantinedMessage
from jobs.queries.stats import QueueStats, living_consumers, next_in_line, queue_stats, waits_since
from jobs.queries.waiting_reason import no_consumer

from .examinations import Finding, note, ok, problem

LONG: Final = timedelta(minutes=1)
"""So long a job may wait beside an idle consumer, be overdue, or be held by a silent one."""


def consumers(now: datetime) -> Iterator[Finding]:
    """Who works, and who has fallen silent."""
    alive = living_consumers(now)
    if alive:
        slots = sum(one.concurrency for one in alive)
        last = ago(max(one.heartbeat_at for one in alive), now)
        yield ok(
            f"{pluralize(len(alive), 'consumer')} with {pluralize(slots, 'slot')}, beat {last}."
        )
    else:
        yield problem("No consumer runs. Start one: python manage.py runconsumers")
    for one in Consumer.objects.filter(dead_at=None).exclude(pk__in=[two.pk for two in alive]):
        yield note(f"The consumer {one} is silent, its last beat was {ago(one.heartbeat_at, now)}.")


def queues(now: datetime) -> Iterator[Finding]:
    """Queues that nobody serves, paused ones, and jobs left waiting beside idle consumers."""
    alive = living_consumers(now)
    for queue in queue_stats(alive):
        waiting = f"{pluralize(queue.waiting, 'job')} waiting"
        if not queue.consumers:
            # Said once for all queues when nobody works at all.
            if alive or queue.waiting:
                subject = f"the queue {queue.name} ({waiting})"
                yield problem(no_consumer(queue.name, subject).sentence)
        elif queue.paused:
            yield note(f"The queue {queue.name} is paused ({waiting}).")
        else:
            yield _served(queue, waiting, now)


def _served(queue: QueueStats, waiting: str, now: datetime) -> Finding:
    first = next_in_line(queue.name)
    if first is None:
        return ok(f"The queue {queue.name} is served and empty.")
    since = waits_since(first)
    if now - since < LONG or not _have_room(queue.consumers):
        return ok(f"The queue {queue.name} is served ({waiting}).")
    waited = duration((now - since).total_seconds())
    return problem(
        f"The job {first.pk} has waited in {queue.name} for {waited} though its consumers have "
        "free slots. Look at their log, or start them anew."
    )


def _have_room(serving: Iterable[Consumer]) -> bool:
    slots = {one.pk: one.concurrency for one in serving}
    running = Job.objects.filter(status=Status.RUNNING, consumer_id__in=slots)
    return running.count() < sum(slots.values())


def overdue(now: datetime) -> Iterator[Finding]:
    """Jobs that should have come due."""
    due = lifecycle.next_due()
    if due is not None and now - due > LONG:
        late = duration((now - due).total_seconds())
        yield problem(f"A scheduled job is overdue by {late}: it is for a consumer to queue it.")


def held(now: datetime) -> Iterator[Finding]:
    """Running jobs whose consumer does not live."""
    alive = {one.pk for one in living_consumers(now)}
    running = Job.objects.filter(status=Status.RUNNING)
    lost = running.exclude(consumer_id__in=alive).count()
    if lost:
        yield problem(
            f"{pluralize(lost, 'running job')} held by no living consumer. "
            "The next consumer that starts hands them on."
        )
    elif alive and (count := running.count()):
        yield ok(f"{pluralize(count, 'running job')}, each held by a living consumer.")


def quarantine(now: datetime) -> Iterator[Finding]:
    """Messages that nobody could read."""
    some = QuarantinedMessage.objects.order_by()[:1000].count()
    if some:
        yield note(f"{pluralize(some, 'message')} in quarantine; the admin shows them.")
