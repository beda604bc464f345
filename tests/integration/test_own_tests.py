"""``jobs.testing`` in the hands of a project: messages of its assertions, ``perform``, its limits.

What ``drain`` and ``EagerBackend`` do is tested by the tests of the project ``tests/shop``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import freezegun
import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from jobs import InputFile, JobContext, job, lifecycle
from jobs.brokers import registry as brokers
from jobs.brokers.registry import silenced
from jobs.catalog import all_tasks, registry
from jobs.conf import get_conf
from jobs.core.storage import job_storage
from jobs.errors import GiveUp, InvalidArguments, JobCancelled, UnknownTask
from jobs.models import Job
from jobs.submission import backlog, submit_job
from jobs.testing import (
    TaskFailed,
    assert_enqueued,
    assert_not_enqueued,
    cancel_requested,
    drain,
    drain_queue,
    enqueued,
    make_upload,
    perform,
    read_artifact,
    read_log,
    travel,
)
from jobs.testing.isolation import isolated
from tests.integration.recording_broker import RecordingBroker
from tests.testapp import tasks


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    with isolated(tmp_path):
        yield tmp_path


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A task with arguments of several types, for this test alone."""
    all_tasks()
    monkeypatch.setattr(registry, "_declared", dict(registry._declared))
    monkeypatch.setattr(registry, "_by_name", {})

    @job(name="tests.mail", queue="mail", priority=3)
    def mail(to: str, day: date, copies: int = 1) -> None:
        "Send a mail."

    # A task is a function of a module; this one has none that could be imported again.
    monkeypatch.setattr("jobs.backend.JobsBackend.validate_task", lambda *_: None)
    return mail


# assert_enqueued, assert_not_enqueued, enqueued


@pytest.mark.django_db
def test_arguments_come_as_the_task_gets_them(mail: Any) -> None:
    mail.enqueue("ada", day="2026-01-02")
    (found,) = enqueued(mail)
    assert found.args == {"to": "ada", "day": date(2026, 1, 2), "copies": 1}
    assert (found.task, found.queue, found.priority, found.run_after) == (
        "tests.mail",
        "mail",
        3,
        None,
    )
    assert found.job == Job.objects.get()
    assert enqueued(mail, to="bob") == []
    assert len(enqueued("tests.mail", day=date(2026, 1, 2))) == 1
    assert len(enqueued("tests.mail", day="2026-01-02")) == 1


@pytest.mark.django_db
def test_an_assertion_that_holds_returns_the_job(mail: Any) -> None:
    later = timezone.now() + timedelta(hours=1)
    mail.using(run_after=later).enqueue("ada", date(2026, 1, 2))
    expected = assert_enqueued(mail, {"to": "ada"}, queue="mail", priority=3, at=later, count=1)
    assert expected.job == Job.objects.get()
    assert_enqueued(mail, at=timedelta(hours=1))
    assert_not_enqueued(mail, {"to": "bob"})
    assert_not_enqueued(mail, queue="default")
    assert_not_enqueued(mail, at=timedelta(hours=2))
    assert_not_enqueued(tasks.square)


@pytest.mark.django_db
def test_a_message_shows_the_nearest_and_how_it_differs(mail: Any) -> None:
    mail.enqueue("bob", date(2026, 1, 3))
    mail.enqueue("ada", date(2026, 1, 3))
    with pytest.raises(AssertionError) as caught:
        assert_enqueued(mail, {"to": "ada", "day": date(2026, 1, 2)}, at=timedelta(hours=1))
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(
        "Expected a job of tests.mail with to='ada', day=datetime.date(2026, 1, 2), at 20"
    )
    assert "to='ada'" in lines[1]
    assert lines[2].startswith(
        "    day is datetime.date(2026, 1, 3), not datetime.date(2026, 1, 2); it runs at once, not"
    )
    assert "to='bob'" in lines[3]


@pytest.mark.django_db
def test_a_message_shows_what_else_waits(mail: Any) -> None:
    with pytest.raises(AssertionError, match="No job waits"):
        assert_enqueued(mail)
    tasks.square.enqueue(3)
    with pytest.raises(AssertionError, match=r"testapp\.square\(n=3\) in 'default', priority 0"):
        assert_enqueued(mail)


@pytest.mark.django_db
def test_a_message_counts() -> None:
    tasks.square.enqueue(3)
    tasks.square.enqueue(4)
    with pytest.raises(AssertionError, match=r"(?s)Expected 1 job of .*; found 2.*n=3.*n=4"):
        assert_enqueued(tasks.square, count=1)
    with pytest.raises(
        AssertionError, match=r"Expected no job of testapp.square with n=3; found 1"
    ):
        assert_not_enqueued(tasks.square, {"n": 3})


@pytest.mark.django_db
def test_a_slip_is_no_passed_assertion() -> None:
    with pytest.raises(TypeError, match=r"has no argument 'm'\. It has: n\."):
        assert_not_enqueued(tasks.square, {"m": 3})
    with pytest.raises(TypeError, match="has no argument 'context'"):
        enqueued(tasks.talk, context=3)
    with pytest.raises(UnknownTask, match=r"testapp\.square"):
        assert_not_enqueued("testapp.sqare")


@pytest.mark.django_db
def test_a_task_of_djangos_own_has_names_for_its_arguments() -> None:
    tasks.plain.enqueue(1, b=3)
    assert [one.args for one in enqueued(tasks.plain)] == [{"a": 1, "b": 3}]
    assert_enqueued("tests.testapp.tasks.plain", {"a": 1})


@pytest.mark.django_db
def test_a_job_that_no_longer_fits_is_shown_as_it_is() -> None:
    tasks.square.enqueue(3)
    Job.objects.update(kwargs={"old": 1})
    assert [one.args for one in enqueued(tasks.square)] == [{"old": 1}]


# perform


def test_perform_gives_all_that_a_task_did() -> None:
    done = perform(tasks.talk)
    assert done.result is None
    assert done.progress == (3.0, 4.0, "nearly there")
    assert "printed" in done.log
    assert "told" in done.log
    done_in_process = perform(tasks.talk_in_process)
    assert done_in_process.artifacts == {"note.txt": b"from a child"}
    assert str(done_in_process.result).startswith("jobdesk-")


def test_perform_keeps_nothing(folder: Path) -> None:
    perform(tasks.talk_in_process)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_perform_validates_and_converts() -> None:
    with pytest.raises(InvalidArguments, match="/n"):
        perform(tasks.square, "three")  # type: ignore[call-overload]
    with pytest.raises(InvalidArguments, match="at most"):
        perform(tasks.square, 1, 2)  # type: ignore[call-overload]
    assert perform(tasks.square, n=3).result == 9
    assert perform(tasks.plain, 1, b=3).result == 4
    assert perform(tasks.plain_with_context, 3).result == [1, 3]


def test_perform_raises_what_the_task_raised() -> None:
    with pytest.raises(GiveUp, match="does not exist"):
        perform(tasks.hopeless)
    with pytest.raises(SystemExit, match="goodbye"):
        perform(tasks.leave)
    with pytest.raises(TaskFailed, match="InvalidResult"):
        perform(tasks.no_json)
    with pytest.raises(TaskFailed, match=r"Timeout: timed out after 0\.01 s"):
        perform(tasks.late_in_loop.options(timeout=0.01))


def test_perform_with_a_cancel(tmp_path: Path) -> None:
    with cancel_requested("ada"), pytest.raises(JobCancelled, match="cancelled by ada"):
        perform(tasks.hold, str(tmp_path / "never"))


@pytest.mark.django_db
def test_perform_with_a_file(mail: Any) -> None:
    @job(name="tests.read")
    def read(context: JobContext, file: InputFile) -> str:
        "Read."
        return file.path.read_text() + str(context.attempt)

    assert perform(read, make_upload("text", name="a.txt")).result == "text1"


# drain


@pytest.mark.django_db
def test_a_drain_that_never_ends_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_queue, "MOST_ATTEMPTS", 3)
    for n in range(4):
        tasks.square.enqueue(n)
    with pytest.raises(RuntimeError, match="does a task enqueue itself"):
        drain()


@pytest.mark.django_db
def test_the_result_is_a_sequence_of_rows() -> None:
    tasks.square.enqueue(2)
    tasks.hopeless.enqueue()
    assert repr(drain("mail")) == "<no job was due>"
    result = drain()
    assert [job.task for job in result[:]] == ["testapp.square", "testapp.hopeless"]
    assert repr(result) == (
        "<2 attempts: testapp.square succeeded, "
        "testapp.hopeless failed (the address does not exist)>"
    )


@pytest.mark.django_db
def test_a_job_of_a_form_or_the_api_runs_too(ada: User) -> None:
    job = submit_job("testapp.square", {"n": 3}, owner=ada, enforce_limits=True).job
    assert [one.result for one in drain()] == [9]
    assert read_log(job) == ""
    with pytest.raises(LookupError, match="only"):
        read_artifact(str(job.pk), "x")


@pytest.mark.django_db
def test_retention_follows_the_clock() -> None:
    tasks.square.enqueue(3)
    drain()
    with travel(days=get_conf().retention_days + 1):
        assert lifecycle.prune_chunk(timezone.now()) == 1


def frozen() -> Any:
    return freezegun.freeze_time("2030-01-01 12:00:00")


def machine() -> Any:
    return time_machine.travel(datetime(2030, 1, 1, 12, tzinfo=UTC), tick=False)


@pytest.mark.parametrize("other", [frozen, machine])
@pytest.mark.django_db
def test_a_drain_follows_others_that_move_the_clock(
    other: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.core.uuid7._last", 0)  # later ids are not to be from the future
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    with other() as clock:
        tasks.fail.enqueue(1, str(tmp_path / "runs"))
        (job,) = drain().waiting
        assert (job.created_at, job.started_at) == (noon, noon)
        assert drain().attempts == 0
        clock.move_to(noon + timedelta(minutes=1))
        assert drain().succeeded[0].finished_at == noon + timedelta(minutes=1)
        tasks.hold_in_loop.enqueue(str(tmp_path / "runs"))
        assert len(drain().succeeded) == 1


# what keeps a test apart


def test_files_go_to_the_folder_and_no_count_is_kept(folder: Path) -> None:
    assert get_conf().data_dir == folder
    assert Path(job_storage().path("x")).is_relative_to(folder)
    with isolated(folder):
        assert backlog._known == {}


@pytest.mark.django_db(transaction=True)
def test_nobody_is_notified_of_what_a_drain_runs(broker: RecordingBroker) -> None:
    with silenced(), transaction.atomic():
        tasks.square.enqueue(3)
    assert brokers.notify_statement("default") is None
    assert broker.notified == []
    before = threading.active_count()
    drain()
    assert broker.notified == []
    assert threading.active_count() == before
    tasks.square.enqueue(3)
    assert len(broker.notified) == 1


@pytest.mark.django_db(transaction=True)
def test_nobody_is_notified_of_what_has_run(broker: RecordingBroker, settings: Any) -> None:
    eager = {"BACKEND": "jobs.testing.EagerBackend", "QUEUES": ["default"]}
    settings.TASKS = {**settings.TASKS, "eager": eager}
    task = tasks.square.using(backend="eager")
    assert task.enqueue(3).return_value == 9
    assert len(task.enqueue_many([{"n": 1}, {"n": 2}])) == 2
    assert broker.notified == []


@pytest.mark.django_db
def test_a_drain_may_wait_for_a_debugger(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's limit on an idle transaction would hold for the rest of the test's."""
    if connection.vendor != "postgresql":
        monkeypatch.setattr(connection, "vendor", "postgresql")
    with connection.cursor() as cursor:
        sent: list[str] = []
        monkeypatch.setattr(
            type(cursor), "execute", lambda self, sql, *_: sent.append(sql), raising=True
        )
        with lifecycle.write_transaction():
            pass
    assert [sql for sql in sent if "idle_in_transaction" in sql] == []
