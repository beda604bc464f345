"""Whatever makes work due knocks at consumers without inotify, and no port of theirs is left."""

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
from jobs.brokers.wakeup import listener, udp, udp_listener
from jobs.brokers.wakeup.udp_listener import UdpListener
from jobs.core.states import AttemptOutcome, Status
from jobs.models import Job
from jobs.submission import retry_job
from tests.brokers.listener import Listener
from tests.brokers.servers import Setup
from tests.elsewhere import missing
from tests.factories import end, make_job, make_user, record, take_one
from tests.running import Consumers, wait_finished
from tests.testapp import tasks

NEVER = 3600.0


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture
def door(
    transactional_db: None, settings: object, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[UdpListener]:
    """A consumer's bell at the jobs' own database."""
    jobs_setting = settings.JOBS  # type: ignore[attr-defined]
    settings.JOBS = {**jobs_setting, "DATA_DIR": data_dir}  # type: ignore[attr-defined]
    monkeypatch.setattr(udp_listener, "ASK_SECONDS", NEVER)
    made = UdpListener(Path(str(connection.settings_dict["NAME"])), data_dir)
    yield made
    made.close()


def _handed_in() -> Callable[[], object]:
    return lambda: tasks.square.enqueue(3)


def _many_handed_in() -> Callable[[], object]:
    return lambda: tasks.square.enqueue_many([{"n": 3}, {"n": 4}])


def _for_soon() -> Callable[[], object]:
    return lambda: tasks.square.using(
        run_after=timezone.now() + timedelta(seconds=1),
    ).enqueue(3)


def _run_again() -> Callable[[], object]:
    job, chief = make_job(status=Status.FAILED), make_user("chief", is_superuser=True)
    return lambda: retry_job(job, chief)


def _due() -> Callable[[], object]:
    make_job(status=Status.SCHEDULED, run_after=timezone.now())
    return lambda: lifecycle.promote_due(timezone.now())


def _handed_back() -> Callable[[], object]:
    record()
    claim = take_one()
    return lambda: end(claim, AttemptOutcome.RELEASED)


def _opened() -> Callable[[], object]:
    record(queue="mail")
    lifecycle.set_paused("mail", paused=True)
    return lambda: lifecycle.set_paused("mail", paused=False)


WAYS = [_handed_in, _many_handed_in, _for_soon, _run_again, _due, _handed_back, _opened]


@pytest.mark.parametrize("way", WAYS)
def test_whatever_makes_work_due_knocks_after_its_commit(
    door: UdpListener, way: Callable[[], Callable[[], object]]
) -> None:
    act = way()
    door.wait(0)
    listener = Listener(door)
    with transaction.atomic():
        act()
        assert listener.slept == 1
    assert listener.answer() is True


def test_what_is_rolled_back_knocks_nowhere(door: UdpListener) -> None:
    listener = Listener(door)
    with transaction.atomic():
        tasks.square.enqueue(3)
        transaction.set_rollback(True)
    assert Job.objects.count() == 0
    assert listener.slept == 1
    tasks.square.enqueue(3)
    assert listener.answer() is True


def test_the_broker_leaves_its_port(
    door: UdpListener, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "InotifyListener", missing)
    door.close()
    broker = get_broker()
    assert isinstance(broker.listener(), UdpListener)
    assert len(list((data_dir / "bells").iterdir())) == 1
    broker.leave(1)
    assert list((data_dir / "bells").iterdir()) == []


@pytest.mark.processes
@pytest.mark.parametrize(
    "setup", [Setup("sqlite-elsewhere", elsewhere=True).parameter()], indirect=True
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_port_of_a_consumer_is_left(
    consumers: Consumers, data_dir: Path, number: signal.Signals
) -> None:
    consumer = consumers.start(JOBS_SWEEP_SECONDS=str(NEVER))
    plate = next((data_dir / "bells").iterdir())
    wait_finished(tasks.square.enqueue(3).id, timeout=10)
    consumer.signal(number)
    consumer.wait()
    assert plate.exists() == (number == signal.SIGKILL)
    udp._known.clear()
    tasks.square.enqueue(4)
    assert not plate.exists()
