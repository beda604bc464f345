"""What a scrape of ``/metrics`` reads does not grow with the table, nor with what waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from jobs.api.metrics import exposition
from jobs.core.states import Status
from jobs.core.uuid7 import uuid7
from jobs.models import Job, Queue
from jobs.queries import database_health, oldest_waiting
from jobs.queries.oldest_waiting import waiting_since
from jobs.queries.queue_states import queue_states

pytestmark = pytest.mark.django_db
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="counts SQLite's steps")


def scrape() -> str:
    database_health._health.forget()
    now = timezone.now()
    return exposition(queue_states(now), now)


def steps(run: Callable[[], Any]) -> int:
    """How many instructions SQLite's virtual machine executes: some for each row that it reads."""
    done = 0

    def count() -> int:
        nonlocal done
        done += 1
        return 0

    connection.ensure_connection()
    connection.connection.set_progress_handler(count, 1)
    try:
        run()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return done


def add(count: int, **fields: Any) -> None:
    """Add jobs of two queues and priorities."""
    now = timezone.now()
    Job.objects.bulk_create(
        Job(
            id=uuid7(),
            task=f"t{number % 3}",
            queue=f"q{number % 2}",
            priority=number // 2 % 2,
            fair_position=number,
            created_at=now - timedelta(hours=1),
            **fields,
        )
        for number in range(count)
    )


@on_sqlite
def test_finished_jobs_cost_nothing() -> None:
    finished = {"status": Status.SUCCEEDED, "finished_at": timezone.now()}
    add(40)
    add(40, **finished)
    few = steps(scrape)
    add(2_000, **finished)
    assert steps(scrape) == few


@on_sqlite
def test_the_oldest_is_found_among_the_first() -> None:
    add(8 * oldest_waiting.LOOKED_AT)
    few = steps(waiting_since)
    add(1_000)
    assert steps(waiting_since) <= few * 1.1  # new rows change which of two equal ways it takes


@on_sqlite
def test_a_waiting_job_costs_a_few_steps() -> None:
    add(8 * oldest_waiting.LOOKED_AT)
    few = steps(scrape)
    add(1_000)
    assert steps(scrape) - few < 10 * 1_000


def test_as_many_queues_as_there_are() -> None:
    Queue.objects.bulk_create(Queue(name=f"q{number}", paused=True) for number in range(600))
    assert scrape().count("jobdesk_queue_paused{") > 600


def test_priorities_and_queues_are_looked_at_up_to_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(oldest_waiting, "MOST_LANES", 3)
    add(8)
    assert set(waiting_since()) == {"q0", "q1"}
    monkeypatch.setattr(oldest_waiting, "MOST_LANES", 2)
    assert set(waiting_since()) == {"q0"}


def test_nothing_waits() -> None:
    add(4, status=Status.SUCCEEDED)
    assert waiting_since() == {}
