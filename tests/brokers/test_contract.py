"""What every broker promises. A new broker joins by one line in ``SETUPS``."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from jobs import brokers, lifecycle
from jobs.core.states import UNFINISHED
from jobs.models import Job
from tests.brokers.servers import Setup
from tests.consumers import Consumers, stored, wait_finished, wait_status
from tests.testapp import tasks
from tests.testapp.apps import PLAIN_THREADS, UDP_ONLY
from tests.waiting import wait_until

SETUPS = [
    Setup("sqlite"),
    Setup("sqlite-udp-only", switches=(UDP_ONLY,)),
    Setup("sqlite-threads", switches=(PLAIN_THREADS,)),
    Setup("postgres", database="postgres"),
    Setup("redis", broker="redis"),
    Setup("redis-threads", broker="redis", switches=(PLAIN_THREADS,)),
    Setup("kafka", broker="kafka"),
    Setup("rabbitmq", broker="rabbitmq"),
    Setup("redis-postgres", broker="redis", database="postgres"),
    Setup("kafka-postgres", broker="kafka", database="postgres"),
]
NO_SWEEP = "3600"
"""Seconds between polls of the table: so long that only the broker can have told of a job."""

pytestmark = [
    pytest.mark.processes,
    pytest.mark.parametrize("setup", [each.parameter() for each in SETUPS], indirect=True),
]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def _all_finished() -> bool:
    return not Job.objects.filter(status__in=UNFINISHED).exists()


def test_each_job_runs_once_with_two_consumers(consumers: Consumers, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    for _ in range(2):
        consumers.start("--concurrency", "4")

    for number in range(300):
        tasks.ledger.enqueue(path=str(ledger), line=str(number))
    wait_until(_all_finished, timeout=60)

    assert Counter(_lines(ledger)) == Counter(str(number) for number in range(300))
    assert set(Job.objects.values_list("status", "attempt")) == {("succeeded", 1)}


def test_an_idle_consumer_is_notified(consumers: Consumers) -> None:
    consumers.start(JOBS_SWEEP_SECONDS=NO_SWEEP)

    for n in range(5):
        assert wait_finished(tasks.square.enqueue(n).id, timeout=10).result == n * n


def test_a_job_that_was_submitted_before_the_consumer_started_runs(consumers: Consumers) -> None:
    result = tasks.square.enqueue(6)

    consumers.start()

    assert wait_finished(result.id).result == 36


def test_a_scheduled_job_runs_when_it_is_due(consumers: Consumers) -> None:
    consumers.start()
    due = timezone.now() + timedelta(seconds=1)

    job = wait_finished(tasks.square.using(run_after=due).enqueue(5).id)

    assert job.started_at is not None
    assert job.started_at >= due


def test_the_job_of_higher_priority_runs_first(consumers: Consumers, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    for name, priority in (("low", -5), ("first", 0), ("second", 0), ("high", 9)):
        tasks.ledger.using(priority=priority).enqueue(path=str(ledger), line=name)

    consumers.run_until_idle("--concurrency", "1")

    assert _lines(ledger) == ["high", "first", "second", "low"]


def test_jobs_of_a_paused_queue_wait_until_it_is_unpaused(consumers: Consumers) -> None:
    lifecycle.set_paused("mail", paused=True)
    consumers.start(JOBS_SWEEP_SECONDS=NO_SWEEP)
    waiting = tasks.square.using(queue_name="mail").enqueue(2)
    other = tasks.square.enqueue(3)
    wait_finished(other.id)
    assert stored(waiting.id).status == "queued"

    lifecycle.set_paused("mail", paused=False)

    assert wait_finished(waiting.id).result == 4


def test_a_released_job_goes_to_another_consumer(consumers: Consumers, tmp_path: Path) -> None:
    go = tmp_path / "go"
    first = consumers.start(JOBS_GRACE_SECONDS="0")
    held = tasks.hold_in_process.enqueue(path=str(go))
    wait_status(held.id, "running")
    consumers.start(JOBS_SWEEP_SECONDS=NO_SWEEP)

    first.stop()
    go.touch()

    assert wait_finished(held.id).attempt == 2


def test_a_consumer_serves_only_its_queues(consumers: Consumers) -> None:
    mail = tasks.square.using(queue_name="mail").enqueue(2)
    default = tasks.square.enqueue(3)

    consumers.run_until_idle("--queues", "default")

    assert stored(default.id).status == "succeeded"
    assert stored(mail.id).status == "queued"


def test_a_cancelled_job_does_not_run(consumers: Consumers, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    result = tasks.ledger.enqueue(path=str(ledger), line="x")
    lifecycle.cancel_job(stored(result.id).id, "ada")

    consumers.run_until_idle()

    assert stored(result.id).status == "cancelled"
    assert _lines(ledger) == []


def test_the_depth_is_the_number_of_waiting_jobs(consumers: Consumers) -> None:
    broker = brokers.get_broker()
    before = broker.depth("mail")  # a topic that no consumer has read keeps earlier messages
    assert before is not None
    for n in range(3):
        tasks.square.using(queue_name="mail").enqueue(n)
    broker.flush(5)

    assert broker.depth("mail") == before + 3

    consumers.start()
    wait_until(lambda: broker.depth("mail") == 0)
    wait_until(_all_finished)


def test_its_check_finds_nothing_wrong(setup: Setup) -> None:
    assert brokers.get_broker().check() == []
