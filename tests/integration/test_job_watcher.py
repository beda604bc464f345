"""The thread that looks for all requests that wait for a job."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from jobs import lifecycle
from jobs.api import job_watcher
from jobs.api.job_watcher import JobWait, JobWatcher
from jobs.core.db import Adapter, connection
from jobs.models import Job
from tests.factories import make_job
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
Begin = Callable[..., threading.Event]


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch) -> Any:
    """One whose thread ends as soon as nobody waits."""
    monkeypatch.setattr(job_watcher, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(job_watcher, "LONG_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(job_watcher, "watcher", watcher := JobWatcher())
    yield watcher
    for wait in [wait for some in [*watcher._waits.values()] for wait in some]:
        wait.end()
    wait_until(lambda: not watcher._is_running, what="the thread has ended")
    assert len(watcher) == 0


def begin(job_id: uuid.UUID, known: int | None = None) -> threading.Event:
    """Wait for news of a job; returns what is set then."""
    news = threading.Event()
    wait = JobWait(job_id, known, time.monotonic() + 60)

    def wake() -> None:
        news.set()
        wait.end()

    wait.begin(wake)
    return news


def test_each_hears_of_its_own_job_alone(watcher: JobWatcher) -> None:
    jobs = [make_job() for _ in range(3)]
    news = [begin(job.pk) for job in jobs]
    lifecycle.cancel_job(jobs[1].pk, "ada")
    assert news[1].wait(20)
    assert [one.is_set() for one in news] == [False, True, False]
    Job.objects.filter(pk=jobs[0].pk).delete()
    assert news[0].wait(20)
    assert len(watcher) == 1


def test_a_change_is_news_only_to_who_knows_the_version_before(watcher: JobWatcher) -> None:
    job = make_job()
    end, change = begin(job.pk), begin(job.pk, job.version)
    Job.objects.filter(pk=job.pk).update(version=job.version + 1)
    assert change.wait(20)
    assert not end.is_set()
    assert begin(job.pk, job.version).wait(20)  # it came before somebody waited


def test_many_jobs_take_few_statements(watcher: JobWatcher, monkeypatch: Any) -> None:
    jobs = [make_job() for _ in range(7)]
    lengths: list[int] = []
    run: Any = vars(job_watcher)["run"]

    def counted(db: Any, statement: str, parameters: Any) -> Any:
        lengths.append(len(parameters))
        return run(db, statement, parameters)

    monkeypatch.setattr(job_watcher, "AT_ONCE", 5)
    monkeypatch.setattr(job_watcher, "STEP", 5)
    monkeypatch.setattr(job_watcher, "run", counted)
    found = job_watcher._versions([job.pk for job in jobs] + [uuid.uuid4()])
    adapt = Adapter(connection()).uuid
    assert found == {adapt(job.pk): (job.version, job.status) for job in jobs}
    assert lengths == [5, 5]


def test_it_goes_on_when_the_database_does(
    watcher: JobWatcher, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    job = make_job()
    versions, failed = job_watcher._versions, threading.Event()

    def away(jobs: Any) -> Any:
        failed.set()
        raise OperationalError("gone away")

    monkeypatch.setattr(job_watcher, "_versions", away)
    news = begin(job.pk)
    assert failed.wait(20)
    lifecycle.cancel_job(job.pk, "ada")
    monkeypatch.setattr(job_watcher, "_versions", versions)
    assert news.wait(20)
    assert "cannot be read" in caplog.text


def test_without_a_thread_the_next_who_waits_gets_one(
    watcher: JobWatcher, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    job = make_job()

    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        first = begin(job.pk)
    assert "no thread" in caplog.text
    second = begin(job.pk)
    lifecycle.cancel_job(job.pk, "ada")
    assert first.wait(20)
    assert second.wait(20)
