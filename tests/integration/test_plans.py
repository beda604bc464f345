"""The hot statements use their indexes: SQLite is asked for its plan of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import Status
from jobs.models import Job
from jobs.queries.job_list import JobFilter, Sort, read_page
from jobs.queries.job_search import matching_jobs
from tests.factories import LONG_AGO, finished_long_ago, make_job, make_user
from tests.integration.statements import STATEMENTS, claim, noted

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="these are SQLite's plans"),
]


@pytest.fixture(autouse=True)
def some_rows(db: None) -> None:
    """A few jobs of each status: the plan for an empty table may differ."""
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
        for sql, params in noted(run):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
                self.lines += [row[3] for row in cursor.fetchall()]
        return [
            line for line in self.lines if re.search(r"^(SCAN|SEARCH) (jobs_job\b|U0|beyond)", line)
        ]


WAITING = "INDEX jobs_job_waiting"
POSITION = "INDEX jobs_job_fair_position"
DUE = "INDEX jobs_job_due"
LATER = "INDEX jobs_job_later"
LATER_OF_OWNER = "INDEX jobs_job_later_owner"
OWNER_RECENT = "INDEX jobs_job_owner (owner_id=? AND id>?"
RUNNING = "INDEX jobs_job_running"
KEY = "INDEX sqlite_autoindex_jobs_job_1 (id=?)"
SLOT = "INDEX jobs_job_one_unfinished (unique_slot=?)"
REQUEST = "INDEX jobs_job_idempotency (owner_id=? AND idempotency_key=?)"
FINISHED = "INDEX jobs_job_finished (finished_at"
FINISHED_END = "SEARCH jobs_job USING INDEX jobs_job_finished"
UNHAPPY = "INDEX jobs_job_unhappy (status=?)"
OWNER = "INDEX jobs_job_owner (owner_id=?)"
TASK = "INDEX jobs_job_task"
FAIR = {f"{POSITION} (queue=? AND priority=?", f"{WAITING} (queue=? AND priority=?)"}

ALLOWED = {
    "claim": {f"{WAITING} (queue=?)", KEY},
    "finish": {f"{WAITING} (queue=?)", KEY},
    "has_waiting": {f"{WAITING} (queue=?)", f"{POSITION} (queue=?)"},
    "record of nobody": FAIR,
    "record of somebody": FAIR,
    "record unique": FAIR,
    "same slot": {SLOT},
    "same request": {REQUEST},
    "next due": {DUE},
    "promote due": {f"{DUE} (run_after<?)", KEY, f"{POSITION} (queue=?", f"{WAITING} (queue=?"},
    "orphans": {RUNNING},
    "rescue": {f"{RUNNING} (consumer_id=?)"},
    "cancellations": {f"{RUNNING} (consumer_id=?)"},
    "write words": {f"{WAITING} (queue=?)", KEY},
    "cancel": {KEY, RUNNING},
    "prune": {FINISHED},
    "backlog": {f"{WAITING} (queue=?)", f"{POSITION} (queue=?)", f"{LATER} (queue=?)"},
    "unfinished": {POSITION, WAITING, KEY, f"{LATER_OF_OWNER} (owner_id=?)", RUNNING},
    "recent": {f"{OWNER_RECENT})"},
    "room in a minute": {f"{OWNER_RECENT})"},
    "queue figures": {WAITING, POSITION, DUE, RUNNING},
    "oldest waiting": {WAITING, KEY},
    "kept jobs": {UNHAPPY},
    "busy slots": {RUNNING},
    "prune overdue": {FINISHED_END},
    "recorded tasks": {TASK},
    "waiting queues": {WAITING, POSITION},
    "next in line": {f"{WAITING} (queue=?)"},
    "list of running": {KEY, RUNNING},
    "list of queued": {KEY, WAITING, POSITION},
    "list of scheduled": {KEY, DUE},
    "list of failed": {UNHAPPY},
    "list of cancelled": {UNHAPPY},
    "list of one owner": {OWNER},
    "list of one task": {f"{TASK} (task=?)"},
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_statement_reads_an_index(name: str) -> None:
    plan = Plans()
    steps = plan.of(STATEMENTS[name])
    assert steps, plan.lines
    for step in steps:
        assert any(index in step.replace("COVERING ", "") for index in ALLOWED[name]), plan.lines


def test_a_claim_reads_in_the_order_of_its_index() -> None:
    plan = Plans()
    plan.of(claim)
    assert not [line for line in plan.lines if "TEMP B-TREE" in line], plan.lines


@pytest.mark.parametrize(
    "run",
    [
        lambda: list(Job.objects.all().with_status(Status.CANCELLED).order_by("-id")[:9]),
        lambda: read_page(JobFilter(statuses=frozenset({Status.CANCELLED})), Sort.NEWEST, 9),
        lambda: read_page(JobFilter(error_type="Timeout"), Sort.NEWEST, 9),
        lambda: read_page(JobFilter(owner=1), Sort.OLDEST, 9),
        lambda: read_page(JobFilter(task="t1"), Sort.NEWEST, 9),
    ],
    ids=["cancelled", "list of cancelled", "error", "owner", "task"],
)
def test_a_list_is_read_in_the_order_of_its_index(run: Callable[[], Any]) -> None:
    """Else SQLite reads all jobs of the index, and sorts them, for each page."""
    plan = Plans()
    assert plan.of(run)
    assert not [line for line in plan.lines if "TEMP B-TREE" in line], plan.lines


def test_jobs_of_several_tasks_are_found_without_sorting_all_of_them() -> None:
    rows = Job.objects.filter(matching_jobs("t")).select_related("owner").order_by("-id")
    plan = Plans()
    plan.of(lambda: list(rows[:9]))
    assert not [line for line in plan.lines if "TEMP B-TREE" in line], plan.lines


def test_a_fair_position_is_read_from_the_ends_of_two_indexes() -> None:
    """One entry at each end: the cost of a submission does not grow with the backlog."""
    for _ in range(50):
        lifecycle.insert_job(Job(task="t", queue="deep"))
    with CaptureQueriesContext(connection) as queries:
        lifecycle.insert_job(Job(task="t", queue="deep"))
    assert len(queries) == 1
    assert "MAX(COALESCE" in queries[0]["sql"]


def test_deleting_jobs_scans_no_related_table() -> None:
    finished_long_ago()
    plan = Plans()
    plan.of(lambda: lifecycle.prune_chunk(timezone.now()))
    small = re.compile("jobs_consumer|jobs_quarantinedmessage")
    assert not [line for line in plan.lines if line.startswith("SCAN") and not small.search(line)]
    assert not Job.objects.filter(finished_at__lt=timezone.now() - LONG_AGO / 2).exists()
