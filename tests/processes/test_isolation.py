"""What tasks start, read and leave behind harms neither their job nor a later one."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.consumers import Consumers, log_of, wait_finished, wait_status
from tests.testapp import forking, leaving, tasks

pytestmark = pytest.mark.processes

posix = pytest.mark.skipif(os.name == "nt", reason="Windows forks nothing")


NAMES = (
    "SystemExit",
    "KeyboardInterrupt",
    "GeneratorExit",
    "asyncio.exceptions.CancelledError",
)


@pytest.mark.parametrize("executor", ["loop", "thread", "loop_in_process"])
def test_whatever_a_task_raises_fails_its_job_alone(
    consumers: Consumers, tmp_path: Path, executor: str
) -> None:
    raising: Any = getattr(leaving, f"raise_in_{executor}")
    consumers.start("--concurrency", "4")
    neighbour = tasks.hold_in_loop.enqueue(str(tmp_path / "go"))
    wait_status(neighbour.id, "running")

    for name in NAMES:
        for beside in (False, True):
            job = wait_finished(raising.enqueue(name, beside).id)
            assert (job.status, job.error_type) == ("failed", name)

    (tmp_path / "go").touch()
    assert wait_finished(neighbour.id).status == "succeeded"


@pytest.mark.parametrize("executor", ["process", "thread"])
def test_a_task_may_start_processes(consumers: Consumers, executor: str) -> None:
    consumer = consumers.start("--concurrency", "2")
    job = wait_finished(getattr(forking, f"start_in_{executor}").enqueue().id, timeout=100)

    assert job.error_message == ""
    found: Any = job.result
    assert found.pop("subprocess") == 1, "input() found the end of the file"
    users = found.pop("users")
    expected = {
        "process": 0,
        "terminated": -signal.SIGTERM,
        "pool": [0, 2, 4],
        "executor": [0, 2, 4],
        "database": [users] * 2,
    }
    assert {name: expected[name.split(" ")[1]] for name in found} == found, "".join(consumer.log)
    assert found, "at least one way"
    assert wait_finished(tasks.square.enqueue(2).id).result == 4


@posix
@pytest.mark.parametrize("executor", ["process", "thread"])
def test_a_forked_process_runs_none_of_our_code(consumers: Consumers, executor: str) -> None:
    consumer = consumers.start("--concurrency", "1")
    job = wait_finished(getattr(forking, f"bare_forks_in_{executor}").enqueue().id)

    assert (job.result, job.error_message) == ([3, 4, 0, 1, 0], "")
    assert job.attempts.count() == 1
    assert "from a fork" not in log_of(job), "two processes cannot take turns on one pipe"
    assert "ValueError: in a fork" in "".join(consumer.log)
    assert wait_finished(leaving.add.enqueue("after").id).status == "succeeded"


def test_the_pipes_of_a_child_are_nobody_elses(consumers: Consumers) -> None:
    consumer = consumers.start("--concurrency", "1")
    job = wait_finished(forking.read_and_write.enqueue().id)

    assert (job.result, job.error_message) == (["", ""], "")
    assert wait_finished(tasks.talk_in_process.enqueue().id).status == "succeeded"
    assert "not even JSON\n" in consumer.log
    assert "from a program\n" in consumer.log


def test_the_pipe_of_a_consumer_is_nobody_elses(consumers: Consumers) -> None:
    """As ``up`` and ``--processes`` start it."""
    consumer = consumers.start("--concurrency", "1", pipe=True)

    job = wait_finished(forking.read_by_a_program.enqueue().id)

    assert (job.result, job.error_message) == ("''", "")
    assert consumer.process.stdin is not None
    consumer.process.stdin.write("drain\n")
    consumer.process.stdin.flush()
    assert consumer.wait() == 0


@posix
def test_a_child_is_dead_though_a_daemon_of_its_task_lives(
    consumers: Consumers, tmp_path: Path
) -> None:
    consumers.start("--concurrency", "1")
    result = forking.leave_a_daemon.enqueue(str(tmp_path / "ready"), str(tmp_path / "go"))
    job = wait_finished(result.id)
    (tmp_path / "go").touch()

    assert (job.status, job.error_type) == ("failed", "WorkerDied")
    assert "exit code 7" in job.error_message


def test_what_a_task_changes_in_its_child_is_put_back(consumers: Consumers, tmp_path: Path) -> None:
    consumers.start("--concurrency", "1")
    first = wait_finished(forking.change_the_process.enqueue(str(tmp_path)).id)
    outlasting = wait_finished(forking.outlast.enqueue(0.5).id)
    again = wait_finished(forking.change_the_process.enqueue(str(tmp_path)).id)

    assert first.status == "succeeded"
    assert again.result == first.result
    assert (outlasting.status, outlasting.error_message) == ("succeeded", "")
    before: Any = first.result
    assert outlasting.result == before["pid"], "a new child would prove nothing"


@pytest.mark.parametrize("each_time", [True, False])
def test_a_child_is_replaced_when_a_task_leaves_more_at_each_run(
    consumers: Consumers, each_time: bool
) -> None:
    consumers.start("--concurrency", "1")
    ran_in = [wait_finished(forking.leak.enqueue(each_time).id).result for _ in range(4)]

    assert ran_in[0] == ran_in[1]
    assert (ran_in[1] != ran_in[2]) is each_time
    assert ran_in[2] == ran_in[3]


@pytest.mark.parametrize("executor", ["thread", "loop", "process"])
def test_the_context_of_a_task_goes_with_it(consumers: Consumers, executor: str) -> None:
    task = getattr(leaving, f"context_in_{executor}")
    consumers.start("--concurrency", "1")

    seen: list[Any] = [wait_finished(task.enqueue().id).result for _ in range(3)]

    assert seen[0][2:] == [28, "default"]
    assert seen[1] == seen[2] == seen[0]


def test_a_stream_that_a_thread_task_assigned_is_put_back(consumers: Consumers) -> None:
    consumers.start("--concurrency", "1")
    wait_finished(leaving.assign_streams.enqueue().id)
    job = wait_finished(leaving.print_a_line.enqueue().id)
    assert log_of(job).endswith("printed afterwards\n")
