"""Running: every kind of task in real consumers, with all that can go wrong in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobs import lifecycle
from jobs.compat import TaskResultStatus
from jobs.core.storage import job_storage
from jobs.models import Job
from tests.consumers import Consumers, log_of, stored, wait_finished, wait_status
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = pytest.mark.processes


def test_one_line_a_job_and_nothing_else(consumers: Consumers, tmp_path: Path) -> None:
    tasks.square.enqueue(7)
    tasks.talk.enqueue()
    tasks.leave.enqueue()

    consumer = consumers.run_until_idle()

    assert consumer.stdout == []
    words = [line.split(": ", 1)[1].split(" ")[0] for line in consumer.log]
    assert sorted(words) == [
        "ready:",
        "stopped\n",
        "testapp.leave",
        "testapp.square",
        "testapp.talk",
    ]


def test_the_process_is_left_as_it_was(consumers: Consumers, tmp_path: Path) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    result = tasks.surroundings.enqueue()

    consumer = consumers.launch("--until-idle", cwd=work, HOME=str(home), USERPROFILE=str(home))
    assert consumer.wait() == 0

    seen: Any = stored(result.id).result
    assert seen["print"] == "builtins"
    assert seen["excepthook"] is True
    assert seen["log_method"] == "logging"
    assert seen["root"] == ["StreamHandler"]
    assert list(home.iterdir()) == []
    assert list(work.iterdir()) == []


def test_a_handle_tells_what_became_of_it(consumers: Consumers) -> None:
    good, bad = tasks.square.enqueue(n=7), tasks.hopeless.enqueue()
    assert good.status == TaskResultStatus.READY

    consumers.run_until_idle()
    good.refresh()
    bad.refresh()

    assert good.return_value == 49
    assert bad.status == TaskResultStatus.FAILED
    assert bad.errors[0].exception_class_path == "jobs.errors.GiveUp"
    assert "the address does not exist" in bad.errors[0].traceback


def test_tasks_of_djangos_own_run_too(consumers: Consumers) -> None:
    sums, context = tasks.plain.enqueue(40), tasks.plain_with_context.enqueue(5)

    consumers.run_until_idle()
    sums.refresh()
    context.refresh()

    assert sums.return_value == 42
    assert context.return_value == [1, 5]


def test_failures_are_retried_until_the_budget_is_spent(
    consumers: Consumers, tmp_path: Path
) -> None:
    saved = tasks.fail.enqueue(2, str(tmp_path / "a"))
    lost = tasks.fail.options(max_attempts=2).enqueue(9, str(tmp_path / "b"))
    consumers.start()

    job = wait_finished(saved.id)
    assert (job.status, job.attempt, job.failures, job.result) == ("succeeded", 3, 2, 3)
    job = wait_finished(lost.id)
    assert (job.status, job.attempt, job.failures) == ("failed", 2, 2)
    assert (job.error_type, job.error_message) == ("ValueError", "failure 2")
    last = job.attempts.last()
    assert last is not None
    assert "in fail" in last.traceback
    assert "jobs/consumer" not in last.traceback, "our own frames tell the author nothing"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("late", "timed out after 0.5 s"),
        ("late_in_process", "timed out after 0.5 s"),
        ("late_in_loop", "timed out after 0.5 s"),
    ],
)
def test_a_time_limit_holds(consumers: Consumers, tmp_path: Path, name: str, message: str) -> None:
    task = getattr(tasks, name)
    arguments = [] if name == "late_in_loop" else [str(tmp_path / "never")]
    result = task.enqueue(*arguments)
    consumers.start()

    job = wait_finished(result.id)

    assert (job.status, job.error_type, job.error_message) == ("failed", "Timeout", message)


def test_a_process_with_a_stuck_thread_is_replaced(consumers: Consumers, tmp_path: Path) -> None:
    consumer = consumers.start("--concurrency", "1")
    stuck = tasks.late.enqueue(str(tmp_path / "never"))
    wait_finished(stuck.id)
    (tmp_path / "go").touch()

    after = tasks.hold.enqueue(str(tmp_path / "go"))

    job = wait_finished(after.id, timeout=60)
    assert job.status == "succeeded"
    assert job.result != consumer.pid
    assert consumer.stop() == 0


@pytest.mark.parametrize("name", ["hold", "hold_in_process", "hold_in_loop"])
def test_a_running_job_can_be_cancelled(consumers: Consumers, tmp_path: Path, name: str) -> None:
    result = getattr(tasks, name).enqueue(str(tmp_path / "never"))
    consumers.start()
    job = wait_status(result.id, "running")

    assert lifecycle.cancel_job(job.id, "ada") is lifecycle.CancelResult.ASKED

    job = wait_finished(result.id)
    assert (job.status, job.error_type) == ("cancelled", "Cancelled")
    assert job.error_message == "cancelled by ada"


def test_a_dead_child_process_fails_its_job_alone(consumers: Consumers) -> None:
    killed = tasks.die.enqueue()
    others = [tasks.square.enqueue(n) for n in range(5)]

    consumers.run_until_idle()

    job = stored(killed.id)
    assert (job.status, job.error_type) == ("failed", "WorkerDied")
    assert "signal 9" in job.error_message
    assert [stored(other.id).result for other in others] == [0, 1, 4, 9, 16]


def test_what_a_task_says_is_kept(consumers: Consumers) -> None:
    here, child = tasks.talk.enqueue(), tasks.talk_in_process.enqueue()

    consumers.run_until_idle()

    job = stored(here.id)
    log = log_of(job)
    for said in (
        "printed \ufffd and \ufffd",
        "to standard error",
        "INFO tests.testapp.tasks: logged",
        "told",
    ):
        assert said in log
    assert job.log_size == len(log)
    assert job.progress is not None
    assert (job.progress["percent"], job.progress["message"]) == (100.0, "nearly there")
    job = stored(child.id)
    assert "printed in a child" in log_of(job)
    assert "INFO tests.testapp.tasks: logged in a child" in log_of(job)
    assert job.result == f"jobdesk-{job.id}"
    artifact = job.artifacts.get()
    assert (artifact.name, artifact.size) == ("note.txt", 12)


def test_a_large_result_becomes_a_file(consumers: Consumers, tmp_path: Path) -> None:
    result = tasks.ten_megabytes.enqueue()

    consumers.run_until_idle()

    job = stored(result.id)
    assert (job.status, job.result) == ("succeeded", None)
    artifact = job.artifacts.get()
    assert artifact.name == "result.json"
    content = (tmp_path / "var" / "files" / artifact.file).read_bytes()
    assert len(json.loads(content)) == 10_000
    assert job_storage().exists("nothing-of-this-name") is False


@pytest.mark.parametrize(("name", "error"), [("no_json", "InvalidResult"), ("leave", "SystemExit")])
def test_odd_endings_are_finished_jobs(consumers: Consumers, name: str, error: str) -> None:
    result = getattr(tasks, name).enqueue()

    consumers.run_until_idle()

    job = stored(result.id)
    assert (job.status, job.error_type) == ("failed", error)
    assert job.error_message


def test_a_job_of_another_version_fails_saying_what_does_not_fit(consumers: Consumers) -> None:
    gone, changed = tasks.square.enqueue(1), tasks.square.enqueue(2)
    Job.objects.filter(pk=gone.id).update(
        task="testapp.gone", module_path="tests.testapp.tasks.gone"
    )
    Job.objects.filter(pk=changed.id).update(kwargs={"m": 2})

    consumers.run_until_idle()

    job = stored(gone.id)
    assert (job.status, job.error_type) == ("failed", "UnknownTask")
    assert "testapp.gone" in job.error_message
    job = stored(changed.id)
    assert (job.status, job.error_type) == ("failed", "InvalidArguments")
    assert "/n" in job.error_message
    assert "/m" in job.error_message


def test_progress_is_seen_while_it_runs(consumers: Consumers, tmp_path: Path) -> None:
    consumers.start()
    result = tasks.talk.enqueue(megabytes=0)
    wait_until(lambda: stored(result.id).progress_message == "nearly there")
