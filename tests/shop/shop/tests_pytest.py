"""The example project's tests with pytest."""

import sys
import threading
from datetime import UTC, datetime

import pytest
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from jobs.conf import get_conf
from jobs.core.storage import job_storage
from jobs.models import Consumer
from jobs.testing import assert_enqueued, drain, enqueued, perform, travel
from shop import tasks
from shop.models import Item


def drift():
    """Return how far the clock is moved, in seconds."""
    return round((timezone.now() - datetime.now(UTC)).total_seconds())


def test_the_fixture(jobs_queue, tmp_path):
    tasks.add.enqueue("lamp")
    jobs_queue.assert_enqueued(tasks.add, {"name": "lamp"})
    jobs_queue.assert_not_enqueued(tasks.count)
    (job,) = jobs_queue.drain()
    assert job.result["name"] == "lamp"
    assert get_conf().data_dir == tmp_path / "jobs"
    assert isinstance(job_storage(), FileSystemStorage)
    assert list((tmp_path / "jobs" / "files").rglob("*"))


@pytest.mark.django_db
def test_the_functions():
    tasks.child.enqueue(3)
    assert_enqueued(tasks.child, {"n": 3})
    assert [job.result for job in drain()] == [3]
    assert enqueued() == []
    assert Consumer.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction(jobs_queue):
    Item.objects.create(name="taken")
    tasks.twice.enqueue("taken")
    assert len(jobs_queue.drain().failed) == 1


def test_a_call_moves_the_clock():
    travel(hours=1)
    assert drift() == 3600
    travel(seconds=-1800)
    assert drift() == 1800


def test_and_the_next_test_finds_it_where_it_was():
    assert drift() == 0


def test_perform_needs_no_database(jobs_data_dir):
    done = perform(tasks.obedient)
    assert done.result == "went on"
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        perform(tasks.count)


def test_pytest_ends_a_test_from_inside_a_task(jobs_queue, monkeypatch):
    monkeypatch.setattr(tasks.Item.objects, "create", lambda **_: pytest.fail("not this way"))
    tasks.add.enqueue("lamp")
    with pytest.raises(pytest.fail.Exception, match="not this way"):
        jobs_queue.drain()


def test_what_a_task_prints_is_in_its_log_alone(jobs_queue, capsys, caplog):
    tasks.add.enqueue("lamp")
    (job,) = jobs_queue.drain()
    print("after")
    assert capsys.readouterr().out == "after\n"
    assert "adding lamp" in jobs_queue.read_log(job)
    assert "logged" in caplog.text


def test_nothing_of_funboost_is_imported_and_no_thread_is_started(jobs_queue):
    before = set(threading.enumerate())
    tasks.add.enqueue("lamp")
    jobs_queue.drain()
    assert "funboost" not in sys.modules
    assert set(threading.enumerate()) <= before
