"""Submitting from code: what is inserted, and every way of being refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import jobs
from jobs import lifecycle
from jobs.catalog import get_task
from jobs.compat import TaskResultStatus
from jobs.core.states import Status
from jobs.core.uuid7 import uuid7, uuid7_time
from jobs.errors import (
    InvalidArguments,
    InvalidOptions,
    NotAllowed,
    QueueFull,
    Refused,
    Unavailable,
    UnknownQueue,
    UnknownTask,
)
from jobs.lifecycle import insert
from jobs.models import Job
from jobs.submission import SubmitOptions, backlog, may_use, submit, submit_job
from tests.factories import make_job
from tests.integration.api_tasks import ADD, NARROW, READ, SECRET
from tests.integration.recording_broker import RecordingBroker, pairs

END_OF_TIME = datetime.max.replace(tzinfo=timezone.get_fixed_timezone(-12 * 60))

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_tasks", "no_jobs")]


def test_what_is_inserted(ada: User) -> None:
    before = timezone.now()
    submitted = submit_job(ADD, {"n": 7}, owner=ada)
    job = Job.objects.get()
    assert submitted.created
    assert submitted.job.pk == job.pk
    assert (job.task, job.queue, job.priority, job.max_attempts) == (ADD, "default", 5, 3)
    assert job.kwargs == {"n": 7, "m": 1}
    assert (job.status, job.attempt, job.failures, job.owner) == (Status.QUEUED, 0, 0, ada)
    assert job.module_path.endswith("add_numbers")
    assert before <= job.created_at <= timezone.now()
    made = uuid7_time(job.pk)
    assert made is not None
    assert abs(made - job.created_at) < timedelta(seconds=5)


def test_a_task_or_its_name_can_be_given(ada: User) -> None:
    result = jobs.submit("testapp.square", n=1)
    assert result.status == TaskResultStatus.READY
    assert Job.objects.get(pk=result.id).kwargs == {"n": 1}
    assert submit_job(get_task(ADD), {"n": 1}, owner=ada).created


def test_each_option_is_stored(chief: User) -> None:
    later = timezone.now() + timedelta(hours=1)
    job = submit_job(
        ADD,
        {"n": 1},
        owner=chief,
        enforce_limits=True,
        options=SubmitOptions(
            queue="mail", priority=100, run_after=later, max_attempts=9, unique_key="k"
        ),
    ).job
    job.refresh_from_db()
    assert (job.queue, job.priority, job.max_attempts, job.unique_key) == ("mail", 100, 9, "k")
    assert (job.status, job.run_after) == (Status.SCHEDULED, later)


def test_run_after_in_the_past_is_due_now(ada: User) -> None:
    job = submit_job(
        ADD, {"n": 1}, options=SubmitOptions(run_after=timezone.now() - timedelta(days=1))
    ).job
    assert job.status == Status.QUEUED


LONG_KEY = "k" * 201

NAIVE = datetime(2030, 1, 1)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("task", "args", "options", "kind"),
    [
        ("tests.no_such_task", {}, {}, UnknownTask),
        ("tests.testapp.tasks.plain", {"a": 1}, {}, UnknownTask),
        (ADD, {"n": "x"}, {}, InvalidArguments),
        (ADD, {"n": -1}, {}, InvalidArguments),
        (ADD, {}, {}, InvalidArguments),
        (ADD, {"n": 1, "other": 2}, {}, InvalidArguments),
        (ADD, None, {}, InvalidArguments),
        (ADD, {"n": 1}, {"queue": "nowhere"}, UnknownQueue),
        (ADD, {"n": 1}, {"queue": ""}, UnknownQueue),
        (ADD, {"n": 1}, {"priority": 6}, InvalidOptions),
        (ADD, {"n": 1}, {"priority": -101}, InvalidOptions),
        (ADD, {"n": 1}, {"max_attempts": 4}, InvalidOptions),
        (ADD, {"n": 1}, {"max_attempts": 0}, InvalidOptions),
        (ADD, {"n": 1}, {"run_after": NAIVE}, InvalidOptions),
        (ADD, {"n": 1}, {"run_after": END_OF_TIME}, InvalidOptions),
        (ADD, {"n": 1}, {"max_attempts": 10**30}, InvalidOptions),
        (ADD, {"n": 1}, {"unique_key": LONG_KEY}, InvalidOptions),
        (SECRET, {}, {}, NotAllowed),
        (NARROW, {}, {}, NotAllowed),
        (READ, {"log": {"upload": str(uuid.uuid4())}}, {}, InvalidArguments),
        (READ, {"log": "/etc/passwd"}, {}, InvalidArguments),
    ],
)
def test_a_refusal_inserts_nothing(
    task: str, args: Any, options: dict[str, Any], kind: type[Refused], ada: User
) -> None:
    with pytest.raises(kind) as caught:
        submit_job(task, args, owner=ada, enforce_limits=True, options=SubmitOptions(**options))
    assert str(caught.value)
    assert not Job.objects.exists()


@pytest.mark.parametrize(("priority", "max_attempts"), [(5, 3), (-100, 1)])
def test_users_who_are_not_staff_may_lower_options(
    ada: User, priority: int, max_attempts: int
) -> None:
    job = submit_job(
        ADD,
        {"n": 1},
        owner=ada,
        enforce_limits=True,
        options=SubmitOptions(priority=priority, max_attempts=max_attempts),
    ).job
    assert (job.priority, job.max_attempts) == (priority, max_attempts)


@pytest.mark.parametrize("name", ["priority", "max_attempts"])
def test_users_who_are_not_staff_may_not_raise_them(ada: User, name: str) -> None:
    options: dict[str, Any] = {name: 6}
    with pytest.raises(InvalidOptions, match=f"/{name}: You may lower it"):
        submit_job(ADD, {"n": 1}, owner=ada, enforce_limits=True, options=SubmitOptions(**options))


@pytest.mark.parametrize("name", ["priority", "max_attempts"])
def test_a_value_that_is_no_number_is_refused_before_it_is_compared(ada: User, name: str) -> None:
    options: dict[str, Any] = {name: "high"}
    with pytest.raises(InvalidOptions, match="whole number"):
        submit_job(ADD, {"n": 1}, owner=ada, enforce_limits=True, options=SubmitOptions(**options))


@pytest.mark.parametrize("priority", [-101, 101])
def test_bounds_hold_for_staff_and_for_code(chief: User, priority: int) -> None:
    for enforced in (True, False):
        with pytest.raises(InvalidOptions):
            submit_job(
                ADD,
                {"n": 1},
                owner=chief,
                enforce_limits=enforced,
                options=SubmitOptions(priority=priority),
            )


# --- permissions ------------------------------------------------------------------------------


def test_permissions_hold_where_limits_are_enforced(ada: User, chief: User) -> None:
    with pytest.raises(NotAllowed, match="staff"):
        submit_job(SECRET, {}, owner=ada, enforce_limits=True)
    assert not Job.objects.exists()
    assert submit_job(SECRET, {}, owner=chief, enforce_limits=True).created
    assert submit_job(SECRET, {}, owner=ada).created  # code decides for itself
    ada.user_permissions.add(Permission.objects.get(codename="view_queue"))
    assert submit_job(NARROW, {}, owner=User.objects.get(pk=ada.pk), enforce_limits=True).created


def test_which_user_may_use_which_task(ada: User, chief: User) -> None:
    from django.contrib.auth.models import AnonymousUser

    assert may_use(get_task(ADD), None)
    assert may_use(get_task(ADD), AnonymousUser())
    assert not may_use(get_task(SECRET), None)
    assert not may_use(get_task(SECRET), AnonymousUser())
    assert not may_use(get_task(NARROW), AnonymousUser())
    assert not may_use(get_task(SECRET), ada)
    assert may_use(get_task(SECRET), chief)
    chief.is_active = False
    assert not may_use(get_task(SECRET), chief)


# --- backlog ----------------------------------------------------------------------------------


def test_a_full_queue_refuses_where_limits_are_enforced(
    ada: User, jobs_setting: Callable[..., None]
) -> None:
    jobs_setting(MAX_BACKLOG=3)
    for _ in range(3):
        submit_job(ADD, {"n": 1}, owner=ada, enforce_limits=True)
    with pytest.raises(QueueFull) as caught:
        submit_job(ADD, {"n": 1}, owner=ada, enforce_limits=True)
    assert caught.value.retry_after > 0
    assert submit_job(
        ADD, {"n": 1}, owner=ada, enforce_limits=True, options=SubmitOptions(queue="mail")
    ).created
    assert submit_job(ADD, {"n": 1}, owner=ada).created


def test_the_backlog_is_read_again_after_a_second(
    ada: User, jobs_setting: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs_setting(MAX_BACKLOG=1)
    make_job()
    with pytest.raises(QueueFull):
        submit_job(ADD, {"n": 1}, owner=ada, enforce_limits=True)
    Job.objects.all().delete()
    with pytest.raises(QueueFull):  # the count is read once a second
        submit_job(ADD, {"n": 1}, owner=ada, enforce_limits=True)
    monkeypatch.setattr(backlog, "FRESH_SECONDS", 0.0)
    assert submit_job(ADD, {"n": 1}, owner=ada, enforce_limits=True).created


def test_what_was_known_of_the_backlog_is_forgotten_with_a_test(
    ada: User, jobs_setting: Callable[..., None]
) -> None:
    jobs_setting(MAX_BACKLOG=1)
    submit_job(ADD, {"n": 1}, owner=ada, enforce_limits=True)
    Job.objects.all().delete()
    backlog.forget_counts()
    assert submit_job(ADD, {"n": 1}, owner=ada, enforce_limits=True).created


def test_a_repeat_needs_no_capacity(ada: User, jobs_setting: Callable[..., None]) -> None:
    jobs_setting(MAX_BACKLOG=1)
    first = submit_job(
        ADD, {"n": 1}, owner=ada, enforce_limits=True, options=SubmitOptions(unique_key="k")
    )
    again = submit_job(
        ADD, {"n": 1}, owner=ada, enforce_limits=True, options=SubmitOptions(unique_key="k")
    )
    assert (again.job, again.created) == (first.job, False)
    with pytest.raises(QueueFull):
        submit_job(
            ADD, {"n": 1}, owner=ada, enforce_limits=True, options=SubmitOptions(unique_key="other")
        )


def test_running_and_finished_jobs_are_no_backlog(
    ada: User, jobs_setting: Callable[..., None]
) -> None:
    jobs_setting(MAX_BACKLOG=1)
    for status in (Status.RUNNING, Status.SUCCEEDED):
        make_job(status=status)
    assert submit_job(ADD, {"n": 1}, owner=ada, enforce_limits=True).created


# --- when the database cannot -----------------------------------------------------------------


def test_a_locked_database_is_unavailable(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*args: Any, **options: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(lifecycle, "insert_job", locked)
    with pytest.raises(Unavailable) as caught:
        submit_job(ADD, {"n": 1}, owner=ada)
    assert "database is locked" in str(caught.value)
    assert caught.value.retry_after > 0


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_takes_no_writes_is_not_used_again(ada: User) -> None:
    """After a failover the address leads to the new primary, an old connection to the standby."""
    statements = {
        "sqlite": "PRAGMA query_only = ON",
        "postgresql": "SET default_transaction_read_only = on",
    }
    with connection.cursor() as cursor:
        cursor.execute(statements[connection.vendor])
    with pytest.raises(Unavailable, match="takes no writes"):
        submit_job(ADD, {"n": 1}, owner=ada)
    assert submit_job(ADD, {"n": 1}, owner=ada).created


# --- what is there already -------------------------------------------------------------------


def test_a_job_that_a_message_brings_twice_is_one_job() -> None:
    key = uuid7()
    first = submit_job(ADD, {"n": 1}, options=SubmitOptions(job_id=key))
    again = submit_job(ADD, {"n": 1}, options=SubmitOptions(job_id=key))
    assert (first.job.pk, first.created) == (key, True)
    assert (again.job.pk, again.created) == (key, False)


def test_a_conflict_with_nothing_that_is_there_ends(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs with its key come and go in between, each time."""
    tries: list[Job] = []

    def conflict(job: Job, *_: Any) -> None:
        tries.append(job)
        raise IntegrityError("taken")

    monkeypatch.setattr(lifecycle, "insert_job", conflict)
    with pytest.raises(IntegrityError, match="taken"):
        submit_job(ADD, {"n": 1}, owner=ada, options=SubmitOptions(unique_key="k"))
    assert len(tries) == submit.MOST_TRIES


def test_a_job_that_a_message_brings_may_be_for_later() -> None:
    later = timezone.now() + timedelta(hours=1)
    job = submit_job(ADD, {"n": 1}, options=SubmitOptions(job_id=uuid7(), run_after=later)).job
    assert Job.objects.get(pk=job.pk).status == Status.SCHEDULED


def test_a_job_that_was_inserted_can_be_saved() -> None:
    job = submit_job(ADD, {"n": 1}).job
    assert (job._state.adding, job._state.db) == (False, "default")
    job.save()
    assert Job.objects.count() == 1


# --- within the caller's transaction ----------------------------------------------------------


def test_a_job_belongs_to_the_transaction_of_its_caller(ada: User) -> None:
    with transaction.atomic():
        submit_job(ADD, {"n": 1}, owner=ada)
        submit_job(ADD, {"n": 1}, owner=ada, options=SubmitOptions(unique_key="k"))
        transaction.set_rollback(True)
    assert not Job.objects.exists()


def test_a_row_of_the_callers_transaction_is_no_other_threads(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one statement with the rows of others these would be rolled back with the caller's."""

    def shared(*_: Any) -> None:
        raise AssertionError("It is committed by another thread, or commits another's.")

    monkeypatch.setattr(insert, "group_commit_for", shared)
    with transaction.atomic():
        assert submit_job(ADD, {"n": 1}, owner=ada).created


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL commits side by side")
def test_a_row_that_is_committed_by_itself_shares_the_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows: list[Any] = []
    group = SimpleNamespace(insert=lambda *row: rows.append(row))
    monkeypatch.setattr(insert, "_is_autocommit", lambda db: True)
    monkeypatch.setattr(insert, "group_commit_for", lambda db: group)
    lifecycle.insert_job(Job(task="t"))
    assert len(rows) == 1


@pytest.mark.parametrize("options", [{"unique_key": "k"}, {"idempotency_key": "k"}])
def test_a_conflict_costs_the_caller_no_more_than_a_savepoint(
    ada: User, options: dict[str, Any]
) -> None:
    """PostgreSQL takes no statement after one that failed, until it is rolled back."""
    with CaptureQueriesContext(connection) as queries:
        submit_job(ADD, {"n": 1}, owner=ada, options=SubmitOptions(**options))
    words = [query["sql"].split()[0] for query in queries]
    assert words[-3:] == ["SAVEPOINT", "INSERT", "RELEASE"]


def test_consumers_are_notified_of_a_job_after_the_commit(
    ada: User, broker: RecordingBroker, django_capture_on_commit_callbacks: Any
) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    with django_capture_on_commit_callbacks(execute=True):
        job = submit_job(ADD, {"n": 1}, owner=ada).job
        submit_job(ADD, {"n": 1}, options=SubmitOptions(run_after=tomorrow))
        assert broker.notified == []
    assert broker.notified == pairs(job)


@pytest.mark.parametrize("queue", ["", "q" * 101, "a\0b", "\ud800"])
def test_where_any_queue_may_be_named_its_name_must_fit(queue: str, settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "jobs.backend.JobsBackend", "QUEUES": []}}
    with pytest.raises(InvalidOptions, match="/queue: A queue's name has 1 to 100"):
        submit_job(ADD, {"n": 1}, options=SubmitOptions(queue=queue))
    assert submit_job(ADD, {"n": 1}, options=SubmitOptions(queue="q" * 100)).created
