"""What a context offers to authors, in real consumers: in threads, coroutines and processes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs import lifecycle
from jobs.compat import TaskResultStatus
from tests.consumers import Consumers, log_of, stored, wait_finished
from tests.living import Watch
from tests.testapp import author_tasks as tasks
from tests.waiting import wait_until

pytestmark = pytest.mark.processes

PEOPLE = "name,age\nAda,36\nBob,old\nCy,7\n"
COMMANDS = [tasks.command_in_thread, tasks.command_in_process, tasks.command_in_loop]


@pytest.fixture
def watch() -> Iterator[Watch]:
    with Watch() as watching:
        yield watching


def tempdirs(consumers: Consumers) -> list[Path]:
    folder = consumers.folder / "var" / "tmp"
    return list(folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("task", [tasks.says, tasks.says_in_process, tasks.says_in_loop])
def test_what_a_command_writes_is_in_the_log(consumers: Consumers, task: Any) -> None:
    result = task.enqueue()

    consumers.run_until_idle()

    job = stored(result.id)
    assert job.result == "one\ntwo\n".replace("\n", os.linesep), job.error_message
    assert [line.split()[1] for line in log_of(job).splitlines()] == ["one", "two"]


@pytest.mark.parametrize("task", COMMANDS)
def test_a_command_ends_when_its_job_is_cancelled(
    consumers: Consumers, watch: Watch, task: Any
) -> None:
    result = task.enqueue(watch.port)
    consumer = consumers.start()
    watch.wait_started(2)
    assert len(tempdirs(consumers)) == 1

    lifecycle.cancel_job(stored(result.id).pk, "ada")

    watch.wait_ended()
    assert wait_finished(result.id).status == "cancelled"
    wait_until(lambda: not tempdirs(consumers), what="the temporary folder to be gone")
    assert consumer.process.poll() is None


@pytest.mark.parametrize("task", COMMANDS)
def test_a_command_ends_at_the_time_limit_and_nothing_is_left_behind(
    consumers: Consumers, watch: Watch, task: Any
) -> None:
    result = task.options(timeout=2).enqueue(watch.port)
    consumer = consumers.start()
    watch.wait_started(2)

    watch.wait_ended()
    job = wait_finished(result.id)
    assert (job.status, job.error_type) == ("failed", "Timeout")
    wait_until(lambda: not tempdirs(consumers), what="the temporary folder to be gone")
    # The thread came back, so that the process goes on with other jobs.
    assert wait_finished(tasks.says.enqueue().id).status == "succeeded"
    assert not any("replaced" in line for line in consumer.log)
    assert consumer.process.poll() is None


@pytest.mark.parametrize("task", COMMANDS)
def test_a_command_ends_when_its_consumer_is_killed(
    consumers: Consumers, watch: Watch, task: Any
) -> None:
    result = task.enqueue(watch.port)
    consumer = consumers.start()
    watch.wait_started(2)

    consumer.kill()

    watch.wait_ended()
    assert len(tempdirs(consumers)) == 1
    lifecycle.cancel_job(stored(result.id).pk, "ada")
    consumers.start()
    wait_finished(result.id)
    consumers.start()
    wait_until(lambda: not tempdirs(consumers), what="the temporary folder to be gone")


def test_the_next_start_removes_what_a_killed_consumer_has_left(consumers: Consumers) -> None:
    left = consumers.folder / "var" / "tmp" / f"{'0' * 32}-1"
    left.mkdir(parents=True)
    (left / "scratch").write_text("x", encoding="utf-8")
    foreign = left.parent / "notes"
    foreign.mkdir()

    consumers.start()

    wait_until(lambda: not left.exists(), what="the folder to be gone")
    assert foreign.exists()


@pytest.mark.parametrize("task", COMMANDS)
def test_a_command_ends_when_its_consumer_stops(
    consumers: Consumers, watch: Watch, task: Any
) -> None:
    result = task.enqueue(watch.port)
    consumer = consumers.start(JOBS_GRACE_SECONDS="0.2")
    watch.wait_started(2)

    assert consumer.stop() == 0

    watch.wait_ended()
    assert stored(result.id).status == "queued"
    assert tempdirs(consumers) == []


@pytest.mark.parametrize(
    "task", [tasks.until_cancelled, tasks.until_cancelled_in_process, tasks.until_cancelled_in_loop]
)
def test_a_task_is_told_of_its_cancel(consumers: Consumers, tmp_path: Path, task: Any) -> None:
    ledger = tmp_path / "ledger"
    result = task.enqueue(str(ledger))
    consumers.start()
    # Not only claimed: a child that has not called the task within the time for a cancel is killed.
    wait_until(lambda: stored(result.id).progress_stage, what="the task to wait")

    lifecycle.cancel_job(stored(result.id).pk, "ada")

    job = wait_finished(result.id)
    assert job.status == "cancelled"
    wait_until(lambda: ledger.exists() and ledger.read_text(encoding="utf-8"))
    assert ledger.read_text(encoding="utf-8") == "stopped"


@pytest.mark.parametrize("task", [tasks.train, tasks.train_in_process, tasks.train_in_loop])
def test_an_attempt_goes_on_from_the_files_of_the_one_before(
    consumers: Consumers, task: Any
) -> None:
    result = task.enqueue(4)

    consumers.start()

    job = wait_finished(result.id)
    assert job.result == {"began_at": 2, "epoch": 4, "loss": 0.2}
    assert (job.attempt, job.failures) == (2, 1)
    assert job.progress_stage == {"name": "Training", "number": 4, "of": 4}
    checkpoint = job.artifacts.get()
    kept = (consumers.folder / "var" / "files" / checkpoint.file).read_text(encoding="utf-8")
    assert json.loads(kept)["epoch"] == 4


@pytest.mark.parametrize(
    "task", [tasks.import_people, tasks.import_people_in_process, tasks.import_people_in_loop]
)
def test_a_job_with_warnings_succeeds(consumers: Consumers, task: Any) -> None:
    result = task.enqueue(PEOPLE)

    consumers.run_until_idle()

    job = stored(result.id)
    result.refresh()
    assert (job.status, result.status) == ("succeeded", TaskResultStatus.SUCCESSFUL)
    assert job.result == {"imported": 2}
    assert job.warnings == ["line 3: 'old' is no age"]
    assert job.progress == {
        "done": 1.0,
        "total": 2.0,
        "percent": 100.0,
        "message": "rows",
        "stage": {"name": "Importing", "number": 2, "of": 2},
    }
    assert job.artifacts.get().name == "people_ of today.txt"
    log = log_of(job)
    assert "Warning: line 3: 'old' is no age" in log
    assert "'people: of today.txt' is kept as 'people_ of today.txt': it had ':'." in log


@pytest.mark.parametrize(
    "task", [tasks.no_such_row, tasks.no_such_row_in_process, tasks.no_such_row_in_loop]
)
def test_an_exception_to_give_up_on_is_final(consumers: Consumers, task: Any) -> None:
    result = task.enqueue()

    consumers.run_until_idle()

    job = stored(result.id)
    assert (job.status, job.failures, job.error_type) == ("failed", 1, "KeyError")
    assert "Not tried again: LookupError is in give_up_on." in job.attempts.get().traceback


def test_a_result_that_json_cannot_hold_says_where(consumers: Consumers) -> None:
    result = tasks.no_number.enqueue()

    consumers.run_until_idle()

    job = stored(result.id)
    assert job.error_type == "InvalidResult"
    assert "result.rows[1].price is NaN." in job.error_message
