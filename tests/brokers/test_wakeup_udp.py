"""Whatever makes a job wait wakes the consumers by UDP, and none leaves its port file behind."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.brokers import get_broker
from jobs.brokers.wakeup import udp, udp_listener
from jobs.brokers.wakeup.udp_listener import UdpListener
from jobs.core.states import AttemptOutcome, Status
from jobs.models import Job
from jobs.submission import retry_job
from tests.brokers.listening import ListeningThread
from tests.brokers.servers import Setup
from tests.consumers import Consumers, wait_finished
from tests.factories import end, make_job, make_user, record, take_one
from tests.testapp import tasks
from tests.testapp.apps import UDP_ONLY

NEVER = 3600.0


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture
def listener(
    transactional_db: None, settings: object, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[UdpListener]:
    """A consumer's listener on the jobs' own database, which only a datagram wakes."""
    jobs_setting = settings.JOBS  # type: ignore[attr-defined]
    settings.JOBS = {**jobs_setting, "DATA_DIR": data_dir}  # type: ignore[attr-defined]
    monkeypatch.setattr(udp_listener, "ASK_SECONDS", NEVER)
    made = UdpListener(Path(str(connection.settings_dict["NAME"])), data_dir)
    yield made
    made.close()


def _submitted() -> Callable[[], object]:
    return lambda: tasks.square.enqueue(3)


def _many_submitted() -> Callable[[], object]:
    return lambda: tasks.square.enqueue_many([{"n": 3}, {"n": 4}])


def _for_soon() -> Callable[[], object]:
    return lambda: tasks.square.using(
        run_after=timezone.now() + timedelta(seconds=1),
    ).enqueue(3)


def _retried() -> Callable[[], object]:
    job, chief = make_job(status=Status.FAILED), make_user("chief", is_superuser=True)
    return lambda: retry_job(job, chief)


def _due() -> Callable[[], object]:
    make_job(status=Status.SCHEDULED, run_after=timezone.now())
    return lambda: lifecycle.promote_due(timezone.now())


def _released() -> Callable[[], object]:
    record()
    claim = take_one()
    return lambda: end(claim, AttemptOutcome.RELEASED)


def _unpaused() -> Callable[[], object]:
    record(queue="mail")
    lifecycle.set_paused("mail", paused=True)
    return lambda: lifecycle.set_paused("mail", paused=False)


WAYS = [_submitted, _many_submitted, _for_soon, _retried, _due, _released, _unpaused]


@pytest.mark.parametrize("way", WAYS)
def test_whatever_makes_a_job_wait_sends_a_datagram_after_its_commit(
    listener: UdpListener, way: Callable[[], Callable[[], object]]
) -> None:
    act = way()
    listener.wait(0)
    waiting = ListeningThread(listener)
    with transaction.atomic():
        act()
        assert waiting.slept == 1
    assert waiting.result() is True


def test_what_is_rolled_back_sends_no_datagram(listener: UdpListener) -> None:
    waiting = ListeningThread(listener)
    with transaction.atomic():
        tasks.square.enqueue(3)
        transaction.set_rollback(True)
    assert Job.objects.count() == 0
    assert waiting.slept == 1
    tasks.square.enqueue(3)
    assert waiting.result() is True


def test_warming_up_leaves_nothing_to_find_for_the_first_job(
    listener: UdpListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "KNOWN_SECONDS", NEVER)
    get_broker().warm_up()
    monkeypatch.delattr(udp, "_find_ports")
    waiting = ListeningThread(listener)
    tasks.square.enqueue(3)
    assert waiting.result() is True


def test_leaving_the_broker_removes_the_port_file(listener: UdpListener, data_dir: Path) -> None:
    listener.close()
    broker = get_broker()
    assert isinstance(broker.listener(), UdpListener)
    assert len(list((data_dir / "listeners").iterdir())) == 1
    broker.leave(1)
    assert list((data_dir / "listeners").iterdir()) == []


@pytest.mark.processes
@pytest.mark.parametrize(
    "setup", [Setup("sqlite-udp-only", switches=(UDP_ONLY,)).parameter()], indirect=True
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_port_file_of_a_consumer_is_left(
    consumers: Consumers, data_dir: Path, number: signal.Signals
) -> None:
    consumer = consumers.start(JOBS_SWEEP_SECONDS=str(NEVER))
    file = next((data_dir / "listeners").iterdir())
    wait_finished(tasks.square.enqueue(3).id, timeout=10)
    consumer.signal(number)
    consumer.wait()
    assert file.exists() == (number == signal.SIGKILL)
    udp._known.clear()
    tasks.square.enqueue(4)
    assert not file.exists()
