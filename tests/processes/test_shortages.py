"""A consumer whose system gives no process, thread or file more: its jobs wait, at no cost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from jobs.models import Job
from tests.consumers import ConsumerHandle, Consumers, stored, wait_finished, wait_status
from tests.limits import no_more_files, no_more_processes
from tests.testapp import outages, tasks
from tests.waiting import wait_until

pytestmark = pytest.mark.processes

Limit = Callable[[int], AbstractContextManager[None]]


def _handed_back(result: Any, times: int) -> Job | None:
    job = stored(result.id)
    return job if job.attempts.count() >= times else None


def _lines(consumer: ConsumerHandle, text: str) -> list[str]:
    return [line for line in consumer.log if text in line]


@pytest.mark.parametrize("limit", [no_more_files, no_more_processes])
def test_a_child_that_cannot_be_started_costs_its_job_nothing(
    consumers: Consumers, limit: Limit
) -> None:
    consumer = consumers.start("--concurrency", "1")
    assert wait_finished(tasks.square.enqueue(2).id).result == 4  # its thread is there
    with limit(consumer.pid):
        result = tasks.talk_in_process.enqueue()
        job = wait_until(lambda: _handed_back(result, 2), what="two attempts")
        assert (job.failures, job.max_attempts, job.error_message) == (0, 1, "")
        assert set(job.attempts.values_list("outcome", flat=True)) == {"released"}
        assert "no process could be started" in job.attempts.first().message  # type: ignore[union-attr]
        assert wait_finished(tasks.square.enqueue(3).id).result == 9, "what needs no child runs"

    job = wait_finished(result.id)
    assert (job.status, job.failures) == ("succeeded", 0)
    wait_until(lambda: _lines(consumer, "There is enough again"), what="the word that it is over")
    assert len(_lines(consumer, "No process could be started")) == 1
    assert "Traceback" not in "".join(consumer.log)


def test_a_thread_that_cannot_be_started_costs_its_job_nothing(
    consumers: Consumers, tmp_path: Path
) -> None:
    consumer = consumers.start("--concurrency", "2")
    held = tasks.hold.enqueue(str(tmp_path / "go"))
    wait_status(held.id, "running")
    with no_more_processes(consumer.pid):
        result = tasks.square.enqueue(3)
        job = wait_until(lambda: _handed_back(result, 1), what="an attempt")
        assert (job.failures, job.attempts.get(number=1).outcome) == (0, "released")
        (tmp_path / "go").touch()
        assert wait_finished(held.id).status == "succeeded"
        assert wait_finished(result.id).result == 9, "the thread that there is runs it"
    assert len(_lines(consumer, "No thread could be started")) == 1
    assert "Traceback" not in "".join(consumer.log)


def test_an_event_loop_that_cannot_be_started_costs_its_job_nothing(
    consumers: Consumers, tmp_path: Path
) -> None:
    consumer = consumers.start("--concurrency", "1")
    assert wait_finished(tasks.square.enqueue(2).id).result == 4
    with no_more_files(consumer.pid):
        result = tasks.hold_in_loop.enqueue(str(tmp_path / "go"))
        job = wait_until(lambda: _handed_back(result, 1), what="an attempt")
        assert (job.failures, job.attempts.get(number=1).outcome) == (0, "released")
    (tmp_path / "go").touch()
    assert wait_finished(result.id).status == "succeeded"
    assert len(_lines(consumer, "No event loop could be started")) == 1


def test_an_event_loop_that_a_child_cannot_start_costs_its_job_nothing(
    consumers: Consumers,
) -> None:
    consumer = consumers.start("--concurrency", "1")
    child = wait_finished(outages.own_loop.enqueue().id).result
    assert isinstance(child, int)
    with no_more_files(child):
        result = outages.own_loop.enqueue()
        job = wait_until(lambda: _handed_back(result, 1), what="an attempt")
        assert (job.failures, job.attempts.get(number=1).outcome) == (0, "released")
    job = wait_finished(result.id)
    assert (job.status, job.failures) == ("succeeded", 0)
    assert len(_lines(consumer, "No event loop could be started")) == 1
    assert "Traceback" not in "".join(consumer.log)


def test_a_group_of_outages_costs_its_job_nothing(consumers: Consumers) -> None:
    several: list[Any] = [
        outages.outage_in_thread,
        outages.outage_in_process,
        outages.outage_in_loop,
        outages.outage_in_loop_in_process,
    ]
    consumers.start("--concurrency", "4")
    for result in [task.enqueue() for task in several]:
        job = wait_until(lambda: _handed_back(result, 1), what="an attempt")  # noqa: B023
        assert (job.failures, job.attempts.get(number=1).outcome) == (0, "released")


def test_a_consumer_process_that_cannot_be_started_is_tried_again(consumers: Consumers) -> None:
    parent = consumers.start("--processes", "2", ready=2)
    children = [
        int(word)
        for file in Path(f"/proc/{parent.pid}/task").glob("*/children")
        for word in file.read_text(encoding="ascii").split()
    ]
    with no_more_files(parent.pid):
        os.kill(children[0], signal.SIGKILL)
        wait_until(lambda: _lines(parent, "cannot be started: too many files"), what="a word of it")
        assert wait_finished(tasks.square.enqueue(4).id).result == 16, "the other goes on"
    parent.wait_ready(3)
    wait_until(lambda: _lines(parent, "started again"), what="the word that it is over")
    assert len(_lines(parent, "cannot be started")) == 1
    assert parent.stop() == 0
