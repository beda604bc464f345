"""Stopping and dying: what runs is finished, handed back or run again, and nobody stays behind."""

from __future__ import annotations

import os
import signal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from jobs.models import Consumer, Job
from tests.consumers import ConsumerHandle, Consumers, stored, wait_finished, wait_status
from tests.freezing import default_is_free, freeze
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = pytest.mark.processes


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and ") Z " in state.read_text(encoding="utf-8"))


def _children(pid: int) -> list[int]:
    """Whoever any of its threads started."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for file in files for word in file.read_text(encoding="utf-8").split()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_running_jobs_finish(
    consumers: Consumers, tmp_path: Path, number: int
) -> None:
    consumer = consumers.start()
    result = tasks.hold.enqueue(str(tmp_path / "go"))
    wait_status(result.id, "running")

    consumer.signal(number)
    (tmp_path / "go").touch()

    assert consumer.wait() == 0
    assert stored(result.id).status == "succeeded"
    assert not Consumer.objects.exists(), "a drained consumer says goodbye"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_ends_no_running_task(
    consumers: Consumers, tmp_path: Path, number: int
) -> None:
    """As Ctrl-C in a terminal, or a service manager that stops a group of processes."""
    consumer = consumers.start()
    results = [task.enqueue(str(tmp_path / "go")) for task in (tasks.hold, tasks.hold_in_process)]
    for result in results:
        wait_status(result.id, "running")
    # Its word comes from inside the task: by then it has left signals to its parent.
    child = tasks.talk_in_process.enqueue()
    wait_finished(child.id)

    os.killpg(consumer.pid, number)
    wait_until(lambda: _is_stopping(consumer), what="the drain")
    (tmp_path / "go").touch()

    assert consumer.wait() == 0
    assert [stored(result.id).status for result in results] == ["succeeded", "succeeded"]


def _is_stopping(consumer: ConsumerHandle) -> bool:
    """It takes nothing new: a job that waits for long enough says so."""
    return any("stopping" in line for line in consumer.log)


def _wait_second_attempt(result_id: str) -> None:
    wait_until(lambda: stored(result_id).attempt == 2, what="a second attempt")


def test_what_outlives_the_grace_time_is_handed_back_at_no_cost(
    consumers: Consumers, tmp_path: Path
) -> None:
    consumer = consumers.start(JOBS_GRACE_SECONDS="0.3")
    results = [
        task.enqueue(str(tmp_path / "never"))
        for task in (tasks.hold, tasks.hold_in_process, tasks.hold_in_loop)
    ]
    for result in results:
        wait_status(result.id, "running")

    assert consumer.stop() == 0

    for result in results:
        job = stored(result.id)
        assert (job.status, job.failures, job.lost_count) == ("queued", 0, 0)
        assert list(job.attempts.values_list("outcome", flat=True)) == ["released"]


def test_a_line_from_the_parent_drains(consumers: Consumers, tmp_path: Path) -> None:
    consumer = consumers.start(pipe=True)
    result = tasks.hold.enqueue(str(tmp_path / "go"))
    wait_status(result.id, "running")
    assert consumer.process.stdin is not None

    consumer.process.stdin.write("drain\n")
    consumer.process.stdin.flush()
    (tmp_path / "go").touch()

    assert consumer.wait() == 0
    assert stored(result.id).status == "succeeded"


def test_the_end_of_the_parents_pipe_leaves_at_once(consumers: Consumers, tmp_path: Path) -> None:
    consumer = consumers.start(pipe=True)
    result = tasks.hold_in_process.enqueue(str(tmp_path / "never"))
    wait_status(result.id, "running")
    wait_until(lambda: _children(consumer.pid))
    grandchildren = _children(consumer.pid)
    assert consumer.process.stdin is not None

    consumer.process.stdin.close()

    assert consumer.wait() == 1
    wait_until(lambda: not any(map(_is_alive, grandchildren)), what="the children's end")
    assert stored(result.id).status == "running", "nobody was left to say otherwise"


def test_killed_jobs_run_again_on_the_same_host(consumers: Consumers, tmp_path: Path) -> None:
    first = consumers.start()
    results = [task.enqueue(str(tmp_path / "go")) for task in (tasks.hold, tasks.hold_in_process)]
    for result in results:
        wait_status(result.id, "running")
    first.kill()

    # A lease of an hour: only the free file lock can tell so soon.
    consumers.start(JOBS_LEASE_SECONDS="3600")
    for result in results:
        _wait_second_attempt(result.id)
    (tmp_path / "go").touch()

    for result in results:
        job = wait_finished(result.id)
        assert (job.status, job.failures, job.lost_count) == ("succeeded", 0, 1)
        outcomes = list(job.attempts.values_list("number", "outcome"))
        assert outcomes == [(1, "lost"), (2, "succeeded")]


def test_a_living_consumer_takes_over_from_a_dead_one(consumers: Consumers, tmp_path: Path) -> None:
    first = consumers.start("--concurrency", "1")
    result = tasks.hold.enqueue(str(tmp_path / "go"))
    wait_status(result.id, "running")
    consumers.start("--concurrency", "1", JOBS_LEASE_SECONDS="3600")

    first.kill()

    _wait_second_attempt(result.id)


def test_a_silent_consumer_is_given_up_after_a_lease_and_changes_nothing_when_it_wakes(
    consumers: Consumers, tmp_path: Path
) -> None:
    frozen = consumers.start("--concurrency", "1", JOBS_LEASE_SECONDS="2")
    result = tasks.hold.enqueue(str(tmp_path / "go"))
    wait_status(result.id, "running")
    freeze(frozen.pid, default_is_free)
    # Another data folder, as on another host: no lock is there to prove anything.
    other = Consumers(tmp_path / "elsewhere")
    try:
        other.start("--concurrency", "1", JOBS_LEASE_SECONDS="2")
        _wait_second_attempt(result.id)
        (tmp_path / "go").touch()
        done = wait_finished(result.id)
        frozen.signal(signal.SIGCONT)
        wait_until(lambda: any("nothing was changed" in line for line in frozen.log))
        assert stored(result.id).version == done.version
        after = tasks.square.enqueue(3)
        assert wait_finished(after.id).result == 9
        wait_until(lambda: any("starts afresh" in line for line in frozen.log))
    finally:
        other.end_all()


def test_a_task_that_kills_its_process_is_charged_alone(
    consumers: Consumers, tmp_path: Path
) -> None:
    consumer = consumers.start("--concurrency", "4")
    neighbours = [tasks.hold.enqueue(str(tmp_path / "go")) for _ in range(3)]
    for neighbour in neighbours:
        wait_status(neighbour.id, "running")
    killer = tasks.kill_the_consumer.enqueue()
    consumer.wait()

    consumers.start("--concurrency", "4")
    (tmp_path / "go").touch()

    job = wait_finished(killer.id, timeout=60)
    assert (job.status, job.error_type) == ("failed", "WorkerDied")
    outcomes = list(job.attempts.values_list("outcome", flat=True))
    assert outcomes == ["lost", "died", "died"], "the first death may have been another's fault"
    for neighbour in neighbours:
        assert wait_finished(neighbour.id).status == "succeeded"


def _supervised(consumers: Consumers, *options: str) -> tuple[ConsumerHandle, list[int]]:
    parent = consumers.start("--processes", "2", *options, ready=2)
    return parent, _children(parent.pid)


def test_a_parent_passes_the_signal_on(consumers: Consumers, tmp_path: Path) -> None:
    parent, children = _supervised(consumers, "--concurrency", "1")
    results = [tasks.hold.enqueue(str(tmp_path / "go")) for _ in range(2)]
    for result in results:
        wait_status(result.id, "running")

    parent.signal(signal.SIGTERM)
    (tmp_path / "go").touch()

    assert parent.wait() == 0
    assert {stored(result.id).status for result in results} == {"succeeded"}
    assert {stored(result.id).result for result in results} == set(children)
    assert not any(map(_is_alive, children))


def test_no_child_outlives_its_parent(consumers: Consumers) -> None:
    parent, children = _supervised(consumers)

    parent.kill()

    wait_until(lambda: not any(map(_is_alive, children)), what="the children's end")


def test_a_dead_child_is_replaced(consumers: Consumers) -> None:
    parent, children = _supervised(consumers)

    os.kill(children[0], signal.SIGKILL)

    parent.wait_ready(3)
    result = tasks.square.enqueue(4)
    assert wait_finished(result.id).result == 16
    assert Job.objects.count() == 1


def test_a_child_that_was_stopped_on_request_is_not_replaced(consumers: Consumers) -> None:
    parent = consumers.start("--processes", "2", ready=2, JOBS_LEASE_SECONDS="2")
    first, second = Consumer.objects.all()

    call_command("consumers", "stop", str(first), "--wait", "30", stdout=StringIO())
    wait_until(lambda: any("no other starts" in line for line in parent.log), what="its end")

    assert list(Consumer.objects.all()) == [second]
    assert wait_finished(tasks.square.enqueue(4).id).result == 16
    call_command("consumers", "stop", str(second), "--wait", "30", stdout=StringIO())
    assert parent.wait() == 0, "a parent without children ends"
    assert sum("ready" in line for line in parent.log) == 2
