"""The hot statements use their indexes on PostgreSQL too, with a table that has grown large."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from jobs import figures, lifecycle
from jobs.ids import uuid7
from jobs.models import Job
from jobs.states import Status
from jobs.submission import backlog
from tests.factories import make_job, make_user
from tests.integration import test_plans as statements

from .servers import default_database

pytestmark = [pytest.mark.postgres, pytest.mark.processes]

FINISHED_EACH = 800
"""Copies of each finished row: 120,000 in all, of which nothing hot may read more than it wants."""
WAITING_EACH = 400


@pytest.fixture(scope="module")
def large(postgres: dict[str, Any], django_db_blocker: Any) -> Iterator[None]:
    """A table of many finished jobs and some thousand waiting, with statistics of them."""
    with django_db_blocker.unblock(), default_database(postgres):
        call_command("flush", verbosity=0, interactive=False)
        ada = make_user()
        for status in Status:
            for number in range(50):
                owner = ada if number % 5 == 0 else None
                make_job(status=status, queue=f"q{number % 5}", task=f"t{number}", owner=owner)
        _multiply(WAITING_EACH, "status IN ('queued', 'scheduled')")
        _multiply(FINISHED_EACH, "status IN ('succeeded', 'failed', 'cancelled')")
        _run("ANALYZE")
        yield
        call_command("flush", verbosity=0, interactive=False)


def _multiply(times: int, which: str) -> None:
    columns = [str(field.column) for field in Job._meta.concrete_fields if field.column != "id"]
    listed = ", ".join(columns)
    _run(
        f"INSERT INTO jobs_job (id, {listed}) SELECT gen_random_uuid(), {listed} "
        f"FROM jobs_job, generate_series(1, {times}) WHERE {which}"
    )


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def plans(large: None, postgres: dict[str, Any], django_db_blocker: Any) -> Iterator[Plans]:
    """Ask for plans; what a statement changed is rolled back."""
    with django_db_blocker.unblock(), default_database(postgres), transaction.atomic():
        yield Plans()
        transaction.set_rollback(True)


class Plans:
    """How PostgreSQL reads the table of jobs in each statement that runs inside."""

    def of(self, run: Callable[[], Any]) -> list[str]:
        """Run it; return the index of each read, or the kind of read that uses none."""
        seen: list[tuple[str, Any]] = []

        def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)", sql) and not many:
                seen.append((sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(note):
            run()
        return [step for sql, params in seen for step in self._steps(sql, params)]

    def _steps(self, sql: str, params: Any) -> Iterator[str]:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            (answer,) = cursor.fetchone()
        found = answer if isinstance(answer, list) else json.loads(answer)
        yield from _reads(found[0]["Plan"])


def _reads(node: dict[str, Any]) -> Iterator[str]:
    kind = node["Node Type"]
    if kind == "Seq Scan" and node["Relation Name"] == "jobs_job":
        yield f"{kind} {node.get('Filter')}"
    if str(node.get("Index Name", "")).startswith("jobs_job_"):
        yield node["Index Name"]
    for inner in node.get("Plans", []):
        yield from _reads(inner)


WAITING = "jobs_job_waiting"
TURN = "jobs_job_turn"
DUE = "jobs_job_due"
RUNNING = "jobs_job_running"
KEY = "jobs_job_pkey"


@pytest.mark.parametrize(
    ("run", "allowed"),
    [
        (statements.claim, {WAITING, KEY}),
        (statements.finish, {WAITING, KEY}),
        (lambda: lifecycle.has_waiting("q1"), {WAITING, TURN}),
        (statements.record_of_nobody, {WAITING, TURN}),
        (statements.record_of_somebody, {WAITING, TURN}),
        (statements.record_unique, {WAITING, TURN}),
        (statements.same_slot, {"jobs_job_one_unfinished"}),
        (statements.same_request, {"jobs_job_idempotency"}),
        (lifecycle.next_due, {DUE}),
        (
            lambda: lifecycle.promote_due(timezone.now() + timedelta(days=1)),
            {DUE, KEY, TURN, WAITING},
        ),
        (lifecycle.orphans, {RUNNING}),
        (lambda: lifecycle.rescue(uuid7()), {RUNNING}),
        (lambda: lifecycle.cancellations(uuid7()), {RUNNING}),
        (statements.write_words, {WAITING, KEY}),
        (statements.cancel, {KEY, RUNNING}),
        (lambda: backlog._count("q1", 10), {WAITING, TURN}),
        (lambda: figures.queue_figures([]), {WAITING, TURN, DUE, RUNNING}),
        (figures.recorded_tasks, {"jobs_job_task"}),
        (figures.waiting_queues, {WAITING, TURN}),
        (lambda: figures.next_in_line("q1"), {WAITING}),
        (lambda: list(Job.objects.all().with_status(Status.FAILED)[:9]), {"jobs_job_unhappy", KEY}),
    ],
)
def test_the_statement_reads_an_index(
    plans: Plans, run: Callable[[], Any], allowed: set[str]
) -> None:
    steps = plans.of(run)
    assert steps
    assert set(steps) <= allowed


def test_forgetting_finds_the_oldest_by_their_index(plans: Plans) -> None:
    """All of them are older than the retention; a chunk is found without looking at the rest."""
    steps = plans.of(lambda: lifecycle.prune(timezone.now() + timedelta(days=10_000)))
    assert steps[0] == "jobs_job_finished"
    assert set(steps) == {"jobs_job_finished", KEY}
