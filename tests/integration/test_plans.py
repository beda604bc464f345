"""The hot statements use their indexes: SQLite is asked for its plan of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import figures, lifecycle
from jobs.ids import uuid7
from jobs.lifecycle.outcomes import Outcome
from jobs.models import Job
from jobs.search import matching
from jobs.states import Ending, Status
from jobs.submission import backlog
from jobs.submission.accept import Wishes, _same_request, _same_slot
from tests.factories import (
    LONG_AGO,
    finished_long_ago,
    make_consumer,
    make_job,
    make_user,
    take_one,
)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="these are SQLite's plans"),
]


@pytest.fixture(autouse=True)
def some_rows(db: None) -> None:
    """A few of each status: a plan may depend on there being something."""
    make_user()
    for status in Status:
        for number in range(5):
            make_job(status=status, queue=f"q{number}", task=f"t{number}")


class Plans:
    """The plans of every statement that ran inside."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def of(self, run: Callable[[], Any]) -> list[str]:
        """Run it; return each step of each plan that reads the table of jobs."""
        seen: list[tuple[str, Any]] = []

        def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)", sql) and not many:
                seen.append((sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(note):
            run()
        for sql, params in seen:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
                self.lines += [row[3] for row in cursor.fetchall()]
        return [line for line in self.lines if re.search(r"^(SCAN|SEARCH) (jobs_job\b|U0)", line)]


def claim() -> None:
    lifecycle.claim("q1", 3, uuid7(), timezone.now())


def finish() -> None:
    consumer = make_consumer()
    claimed = take_one("q1", consumer.pk)
    lifecycle.finish([Outcome(claim=claimed, ending=Ending.SUCCEEDED, ended_at=timezone.now())])


def record_of_nobody() -> None:
    lifecycle.record(Job(task="t", queue="q1"))


def record_of_somebody() -> None:
    lifecycle.record(Job(task="t", queue="q1", owner=User.objects.get()))


def record_unique() -> None:
    lifecycle.record(Job(task="t", queue="q1", unique_slot="s"))


def same_slot() -> None:
    _same_slot(Job(unique_slot="s"))


def same_request() -> None:
    _same_request(Wishes(idempotency_key="k"), User.objects.get())


def write_words() -> None:
    consumer = make_consumer()
    claimed = take_one("q1", consumer.pk)
    words = lifecycle.Words(claimed.id, claimed.attempt, done=1, log="said")
    lifecycle.write_words([words])


def cancel() -> None:
    lifecycle.cancel(Job.objects.filter(status=Status.RUNNING)[0].pk, "ada")


def prune() -> None:
    lifecycle.prune(timezone.now())


WAITING = "INDEX jobs_job_waiting"
TURN = "INDEX jobs_job_turn"
DUE = "INDEX jobs_job_due"
RUNNING = "INDEX jobs_job_running"
KEY = "INDEX sqlite_autoindex_jobs_job_1 (id=?)"
SLOT = "INDEX jobs_job_one_unfinished (unique_slot=?)"
REQUEST = "INDEX jobs_job_idempotency (owner_id=? AND idempotency_key=?)"
FINISHED = "INDEX jobs_job_finished (finished_at"
UNHAPPY = "INDEX jobs_job_unhappy (status=?)"
OWNER = "INDEX jobs_job_owner (owner_id=?)"
TASK = "INDEX jobs_job_task"


@pytest.mark.parametrize(
    ("run", "allowed"),
    [
        (claim, {f"{WAITING} (queue=?)", KEY}),
        (finish, {f"{WAITING} (queue=?)", KEY}),
        (lambda: lifecycle.has_waiting("q1"), {f"{WAITING} (queue=?)", f"{TURN} (queue=?)"}),
        (
            record_of_nobody,
            {f"{TURN} (queue=? AND priority=?", f"{WAITING} (queue=? AND priority=?)"},
        ),
        (
            record_of_somebody,
            {f"{TURN} (queue=? AND priority=?", f"{WAITING} (queue=? AND priority=?)"},
        ),
        (record_unique, {f"{TURN} (queue=? AND priority=?", f"{WAITING} (queue=? AND priority=?)"}),
        (same_slot, {SLOT}),
        (same_request, {REQUEST}),
        (lifecycle.next_due, {DUE}),
        (
            lambda: lifecycle.promote_due(timezone.now() + timedelta(days=1)),
            {f"{DUE} (run_after<?)", KEY, f"{TURN} (queue=?", f"{WAITING} (queue=?"},
        ),
        (lifecycle.orphans, {RUNNING}),
        (lambda: lifecycle.rescue(uuid7()), {f"{RUNNING} (consumer_id=?)"}),
        (lambda: lifecycle.cancellations(uuid7()), {f"{RUNNING} (consumer_id=?)"}),
        (write_words, {f"{WAITING} (queue=?)", KEY}),
        (cancel, {KEY, RUNNING}),
        (prune, {FINISHED}),
        (lambda: backlog._count("q1", 10), {f"{WAITING} (queue=?)", f"{TURN} (queue=?)"}),
        (lambda: figures.queue_figures([]), {WAITING, TURN, DUE, RUNNING}),
        (figures.recorded_tasks, {TASK}),
        (figures.waiting_queues, {WAITING, TURN}),
        (lambda: figures.next_in_line("q1"), {f"{WAITING} (queue=?)"}),
        (lambda: list(Job.objects.all().with_status(Status.RUNNING)[:9]), {KEY, RUNNING}),
        (lambda: list(Job.objects.all().with_status(Status.QUEUED)[:9]), {KEY, WAITING, TURN}),
        (lambda: list(Job.objects.all().with_status(Status.SCHEDULED)[:9]), {KEY, DUE}),
        (lambda: list(Job.objects.all().with_status(Status.FAILED)[:9]), {UNHAPPY}),
        (lambda: list(Job.objects.all().with_status(Status.CANCELLED)[:9]), {UNHAPPY}),
        (lambda: list(Job.objects.visible_to(User.objects.get())[:9]), {OWNER}),
        (lambda: list(Job.objects.filter(task="t1")[:9]), {f"{TASK} (task=?)"}),
    ],
)
def test_the_statement_reads_an_index(run: Callable[[], Any], allowed: set[str]) -> None:
    plan = Plans()
    steps = plan.of(run)
    assert steps, plan.lines
    for step in steps:
        assert any(index in step.replace("COVERING ", "") for index in allowed), plan.lines


def test_a_claim_takes_in_the_order_of_its_index() -> None:
    plan = Plans()
    plan.of(claim)
    assert not [line for line in plan.lines if "TEMP B-TREE" in line], plan.lines


def test_jobs_of_several_tasks_are_found_without_sorting_all_of_them() -> None:
    rows = Job.objects.filter(matching("t")).select_related("owner").order_by("-id")
    plan = Plans()
    plan.of(lambda: list(rows[:9]))
    assert not [line for line in plan.lines if "TEMP B-TREE" in line], plan.lines


def test_a_turn_is_read_off_the_ends_of_two_indexes() -> None:
    """One look at each end: the cost of a submission does not grow with the backlog."""
    for _ in range(50):
        lifecycle.record(Job(task="t", queue="deep"))
    with CaptureQueriesContext(connection) as queries:
        lifecycle.record(Job(task="t", queue="deep"))
    assert len(queries) == 1
    assert "MAX(COALESCE" in queries[0]["sql"]


def test_forgetting_jobs_walks_through_no_table_of_what_they_left() -> None:
    finished_long_ago()
    plan = Plans()
    plan.of(lambda: lifecycle.prune(timezone.now()))
    small = re.compile("jobs_consumer|jobs_quarantinedmessage")
    assert not [line for line in plan.lines if line.startswith("SCAN") and not small.search(line)]
    assert not Job.objects.filter(finished_at__lt=timezone.now() - LONG_AGO / 2).exists()
