"""The hot statements by name, for who asks a database how it reads in each of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import AttemptOutcome, Status
from jobs.core.uuid7 import uuid7
from jobs.lifecycle import room
from jobs.lifecycle.outcome import Outcome
from jobs.models import Job
from jobs.queries import capacity, stats
from jobs.queries.oldest_waiting import waiting_since
from jobs.submission import SubmitOptions
from jobs.submission.existing import existing_by_idempotency_key, existing_by_unique_slot
from tests.factories import make_consumer, take_one

Run = Callable[[], Any]
TOMORROW = timedelta(days=1)


def claim() -> None:
    lifecycle.claim_jobs("q1", 3, uuid7(), timezone.now())


def finish() -> None:
    consumer = make_consumer()
    claimed = take_one("q1", consumer.pk)
    lifecycle.finish(
        [Outcome(claim=claimed, outcome=AttemptOutcome.SUCCEEDED, ended_at=timezone.now())]
    )


def write_words() -> None:
    consumer = make_consumer()
    claimed = take_one("q1", consumer.pk)
    words = lifecycle.AttemptUpdate(claimed.id, claimed.attempt, done=1, log="said")
    lifecycle.write_updates([words])


def cancel() -> None:
    lifecycle.cancel_job(Job.objects.filter(status=Status.RUNNING)[0].pk, "ada")


def _listed(status: Status) -> Run:
    return lambda: list(Job.objects.all().with_status(status)[:9])


STATEMENTS: dict[str, Run] = {
    "claim": claim,
    "finish": finish,
    "has_waiting": lambda: lifecycle.has_waiting("q1"),
    "record of nobody": lambda: lifecycle.insert_job(Job(task="t", queue="q1")),
    "record of somebody": lambda: lifecycle.insert_job(
        Job(task="t", queue="q1", owner=User.objects.get())
    ),
    "record unique": lambda: lifecycle.insert_job(Job(task="t", queue="q1", unique_slot="s")),
    "same slot": lambda: existing_by_unique_slot(Job(unique_slot="s")),
    "same request": lambda: existing_by_idempotency_key(
        SubmitOptions(idempotency_key="k"), User.objects.get()
    ),
    "next due": lifecycle.next_due,
    "promote due": lambda: lifecycle.promote_due(timezone.now() + TOMORROW),
    "orphans": lifecycle.orphaned_consumers,
    "rescue": lambda: lifecycle.rescue_jobs(uuid7()),
    "cancellations": lambda: lifecycle.requested_cancels(uuid7()),
    "write words": write_words,
    "cancel": cancel,
    "prune": lambda: lifecycle.prune_chunk(timezone.now()),
    "backlog": lambda: room.waiting_jobs("q1", 10),
    "unfinished": lambda: room.unfinished_jobs(User.objects.get().pk, 10),
    "recent": lambda: room.recent_jobs(User.objects.get().pk, 60, 10),
    "room in a minute": lambda: room.seconds_until_room(User.objects.get().pk, 60, 1),
    "queue figures": lambda: stats.queue_stats([]),
    "oldest waiting": waiting_since,
    "kept jobs": capacity.kept_jobs,
    "busy slots": lambda: capacity.slots([]),
    "prune overdue": lambda: capacity.prune_overdue(timezone.now()),
    "recorded tasks": stats.recorded_tasks,
    "waiting queues": stats.waiting_queues,
    "next in line": lambda: stats.next_to_claim("q1"),
    "list of running": _listed(Status.RUNNING),
    "list of queued": _listed(Status.QUEUED),
    "list of scheduled": _listed(Status.SCHEDULED),
    "list of failed": _listed(Status.FAILED),
    "list of cancelled": _listed(Status.CANCELLED),
    "list of one owner": lambda: list(Job.objects.visible_to(User.objects.get())[:9]),
    "list of one task": lambda: list(Job.objects.filter(task="t1")[:9]),
}


def noted(run: Run) -> list[tuple[str, Any]]:
    """Run it; return the statements that it sent, with their parameters."""
    seen: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)", sql) and not many:
            seen.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        run()
    return seen
