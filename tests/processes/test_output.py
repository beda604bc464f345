"""Output: what tasks print and log in real consumers is in their jobs' logs, and in no others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from jobs.models import Job
from jobs.queries import logs
from tests.consumers import Consumers, stored, wait_finished
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = pytest.mark.processes


def log_lines(job: Job) -> list[str]:
    """The lines of a job's log without their times."""
    text = "".join(logs.chunks(job))
    return [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in text.splitlines()]


@pytest.mark.parametrize("name", ["write_in_every_way", "write_in_every_way_in_process"])
def test_all_that_a_task_writes_is_in_its_log(consumers: Consumers, name: str) -> None:
    result = getattr(tasks, name).enqueue()

    consumer = consumers.run_until_idle()

    job = stored(result.id)
    assert job.status == "succeeded", job.error_message
    warning, *rest = log_lines(job)
    assert warning.startswith("WARNING tests.testapp.tasks: '%d items' cannot be formatted with")
    assert "UserWarning: this is old" in rest[1]
    del rest[1:3]  # and the line of code
    assert rest == [
        "INFO tests.testapp.tasks: logged by a logger that is disabled now",
        "bytes \u20ac",
        "text \u20ac",
        "printed by a thread",
        "100%",
    ]
    # The project's handler says what was wrong, as it would without us.
    assert any("--- Logging error ---" in line for line in consumer.log)


def test_a_coroutine_and_its_threads_write_to_its_log(consumers: Consumers) -> None:
    result = tasks.write_in_a_coroutine.enqueue()

    consumers.run_until_idle()

    assert log_lines(stored(result.id)) == [
        "printed by a coroutine",
        "printed by to_thread",
        "printed by an executor",
    ]


def test_a_thread_that_goes_on_writes_to_no_other_jobs_log(
    consumers: Consumers, tmp_path: Path
) -> None:
    path = str(tmp_path / "end")
    first = tasks.leave_a_thread.enqueue(path)
    consumer = consumers.start("--concurrency", "1")
    wait_finished(first.id)

    second = wait_finished(tasks.be_quiet.enqueue(path).id)

    assert stored(first.id).result == second.result, "the same child process ran both"
    assert log_lines(second) == ["my own"]
    assert (second.progress_done, second.progress_message) == (None, "")
    assert set(log_lines(stored(first.id))) <= {"from a job that has ended"}
    assert any("from a job that has ended" in line for line in consumer.log)


def test_attempts_are_told_apart(consumers: Consumers) -> None:
    result = tasks.log_and_fail_once.enqueue()

    consumers.start()
    job = wait_finished(result.id)

    first, blank, heading, second = log_lines(job)
    assert (first, blank, second) == (
        "INFO tests.testapp.tasks: in attempt 1",
        "",
        "INFO tests.testapp.tasks: in attempt 2",
    )
    date = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
    assert re.fullmatch(rf"--- attempt 2, {date}, \S+:\d+ ---", heading)


def test_the_beginning_and_the_end_of_megabytes_are_kept(consumers: Consumers) -> None:
    result = tasks.talk.enqueue(megabytes=3)

    consumers.run_until_idle()

    job = stored(result.id)
    assert job.status == "succeeded"
    assert job.log_size > 3 * 1024 * 1024
    lines = log_lines(job)
    assert "INFO tests.testapp.tasks: logged" in lines[:5]
    assert lines[-1] == "y" * 1023
    text = "".join(logs.chunks(job))
    assert 0.9 * 1024 * 1024 < len(text) < 1.2 * 1024 * 1024
    assert text.count("characters are left out here: the log is over its limit]\n") == 1


def test_what_was_written_stays_when_the_consumer_is_killed(
    consumers: Consumers, tmp_path: Path
) -> None:
    path = tmp_path / "go"
    result = tasks.log_and_die.enqueue(str(path))
    consumer = consumers.start()

    def end() -> Any:
        return logs.tail(stored(result.id)).text.endswith(f"029999 {'x' * 92}\n")

    wait_until(end, what="the end of the log, while the task runs")
    path.touch()
    consumer.process.wait(30)

    text = "".join(logs.chunks(stored(result.id)))
    assert "000000 xxx" in text
    assert text.endswith(f"029999 {'x' * 92}\n")
    assert len(text) < 1.2 * 1024 * 1024
