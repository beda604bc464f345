"""The hot statements use their indexes on PostgreSQL too, with a table that has grown large."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.api.metrics import exposition
from jobs.api.waits import _versions
from jobs.core.states import Status
from jobs.models import Job
from jobs.queries import stats
from jobs.queries.job_list import JobFilter, Sort, indexes, read_page
from jobs.queries.oldest_waiting import waiting_since
from jobs.queries.queue_states import queue_states
from tests.brokers.servers import default_database
from tests.factories import make_job, make_user
from tests.integration.listed_jobs import filters
from tests.integration.statements import STATEMENTS, noted

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
        return [step for sql, params in noted(run) for step in self._steps(sql, params)]

    def costs(self, run: Callable[[], Any]) -> list[float]:
        """Run it; return the estimated cost of each statement."""
        return [self._plan(sql, params)["Total Cost"] for sql, params in noted(run)]

    def rows(self, run: Callable[[], Any]) -> int:
        """Run it; return how many entries of tables and indexes it read."""
        return sum(_rows(self._plan(sql, params, "ANALYZE, ")) for sql, params in noted(run))

    def _steps(self, sql: str, params: Any) -> Iterator[str]:
        yield from _reads(self._plan(sql, params))

    def _plan(self, sql: str, params: Any, options: str = "") -> dict[str, Any]:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN ({options}FORMAT JSON) {sql}", params)
            (answer,) = cursor.fetchone()
        found = answer if isinstance(answer, list) else json.loads(answer)
        plan: dict[str, Any] = found[0]["Plan"]
        return plan


def _rows(node: dict[str, Any]) -> int:
    """Add up what was read, also what a filter then left out."""
    inner = sum(map(_rows, node.get("Plans", [])))
    if "Scan" not in node["Node Type"] or node["Node Type"].startswith(("CTE", "WorkTable")):
        return inner
    each = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return inner + int(each * node["Actual Loops"])


def _reads(node: dict[str, Any]) -> Iterator[str]:
    kind = node["Node Type"]
    if kind == "Seq Scan" and node["Relation Name"] == "jobs_job":
        yield f"{kind} {node.get('Filter')}"
    if str(node.get("Index Name", "")).startswith("jobs_job_"):
        yield node["Index Name"]
    for inner in node.get("Plans", []):
        yield from _reads(inner)


WAITING = "jobs_job_waiting"
TURN = "jobs_job_fair_position"
DUE = "jobs_job_due"
RUNNING = "jobs_job_running"
FEED = "jobs_job_feed"
KEY = "jobs_job_pkey"


ALLOWED = {
    "claim": {WAITING, KEY},
    "finish": {WAITING, KEY, FEED},
    "has_waiting": {WAITING, TURN},
    "record of nobody": {WAITING, TURN},
    "record of somebody": {WAITING, TURN},
    "record unique": {WAITING, TURN},
    "same slot": {"jobs_job_one_unfinished"},
    "same request": {"jobs_job_idempotency"},
    "next due": {DUE},
    "promote due": {DUE, KEY, TURN, WAITING},
    "orphans": {RUNNING},
    "rescue": {RUNNING},
    "cancellations": {RUNNING},
    "write words": {WAITING, KEY},
    "cancel": {KEY, RUNNING, FEED},
    "backlog": {WAITING, TURN, "jobs_job_later"},
    "unfinished": {WAITING, TURN, KEY, "jobs_job_later_owner", RUNNING},
    "recent": {"jobs_job_owner"},
    "room in a minute": {"jobs_job_owner"},
    "queue figures": {WAITING, TURN, DUE, RUNNING},
    "oldest waiting": {WAITING, KEY},
    "kept jobs": {"jobs_job_unhappy"},
    "busy slots": {RUNNING},
    "prune overdue": {"jobs_job_finished"},
    "recorded tasks": {"jobs_job_task"},
    "waiting queues": {WAITING, TURN},
    "next in line": {WAITING},
    "list of failed": {"jobs_job_unhappy", KEY},
    "prune": {"jobs_job_finished"},
    "list of running": {RUNNING, KEY},
    "list of queued": {WAITING, TURN, KEY},
    "list of scheduled": {DUE, KEY},
    "list of cancelled": {"jobs_job_unhappy", KEY},
    "list of one owner": {"jobs_job_owner"},
    "list of one task": {"jobs_job_task"},
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_statement_reads_an_index(plans: Plans, name: str) -> None:
    steps = plans.of(STATEMENTS[name])
    assert steps
    assert set(steps) <= ALLOWED[name]


def test_forgetting_finds_the_oldest_by_their_index(plans: Plans) -> None:
    """All of them are older than the retention; a chunk is found without looking at the rest."""
    steps = plans.of(lambda: lifecycle.prune_chunk(timezone.now() + timedelta(days=10_000)))
    assert steps[0] == "jobs_job_finished"
    assert set(steps) == {"jobs_job_finished", KEY}


@pytest.mark.parametrize("sort", Sort)
def test_no_list_reads_more_than_it_may(
    plans: Plans, monkeypatch: pytest.MonkeyPatch, sort: Sort
) -> None:
    """Whatever PostgreSQL expects of 120,000 jobs: a page reads 50 entries of each index it asks.

    One owner has a fifth of them: to read these in the order of the primary key looks as good.
    """
    monkeypatch.setattr(indexes, "MOST_READ", 50)
    monkeypatch.setattr(indexes, "MOST_UNFINISHED", 50)
    some = list(Job.objects.order_by("id")[:100])
    owner = User.objects.get().pk
    common = [
        JobFilter(owner=owner, task="t1"),
        JobFilter(owner=owner, queue="q1"),
        JobFilter(task="t1", arguments={"n": "8"}),
        JobFilter(statuses=frozenset({Status.FAILED}), owner=owner),
    ]
    # Each finished one has 800 copies that finished at the same moment: those are read as well.
    most = 500 if sort.column == "id" else 4_000
    for wanted in (*filters(some, owner)[:40:3], *common):
        page = read_page(wanted, sort, 10)
        again = partial(read_page, wanted, sort, 10, page.next)
        assert plans.rows(again) <= most, wanted


def old_statistics() -> None:
    """As they are when the jobs have come since autovacuum last looked: nothing waits."""
    _run("UPDATE pg_class SET reltuples = 0, relpages = 0 WHERE relname LIKE 'jobs_job%'")
    _run("DELETE FROM pg_statistic WHERE starelid = 'jobs_job'::regclass")


@pytest.mark.parametrize("statistics", [lambda: None, old_statistics], ids=["new", "old"])
@pytest.mark.parametrize(
    ("run", "most"),
    [(waiting_since, 5 * 50 * 3), (stats.waiting_queues, 20)],
    ids=["oldest", "queues"],
)
def test_a_scrape_finds_queues_and_their_oldest_jobs_by_a_few_rows(
    plans: Plans, run: Callable[[], Any], most: int, statistics: Callable[[], None]
) -> None:
    statistics()
    assert len(run()) == 5
    assert plans.rows(run) <= most


def test_no_statement_of_a_scrape_is_worth_compiling(plans: Plans) -> None:
    """PostgreSQL would spend tens of milliseconds on it, by the cost that it estimates."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('jit_above_cost')::float")
        (limit,) = cursor.fetchone()
    now = timezone.now()
    assert max(plans.costs(lambda: exposition(queue_states(now), now))) < limit


def test_what_many_requests_wait_for_is_read_by_the_key(plans: Plans) -> None:
    jobs = list(Job.objects.values_list("pk", flat=True)[:500])
    found = _versions(jobs)
    assert found == {job: found[job] for job in jobs}
    assert {status for _, status in found.values()} <= {status.value for status in Status}
    assert plans.rows(lambda: _versions(jobs)) <= 2 * len(jobs)
