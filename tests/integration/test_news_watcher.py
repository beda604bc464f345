"""The thread that looks for all requests that wait for news."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from jobs import lifecycle
from jobs.api import waits
from jobs.api.news_watcher import NewsWatcher
from jobs.api.waits import JobWait, ResultsWait
from jobs.core.db import Adapter, connection
from jobs.feed import FeedClosed, newest_position
from jobs.models import Job
from tests.factories import make_job

pytestmark = pytest.mark.django_db(transaction=True)
Begin = Callable[..., threading.Event]


def begin(job_id: uuid.UUID, known: int | None = None) -> threading.Event:
    """Wait for news of a job; returns what is set then."""
    news = threading.Event()
    wait = JobWait(job_id, known, time.monotonic() + 60)

    def wake() -> None:
        news.set()
        wait.end()

    wait.begin(wake)
    return news


def test_each_hears_of_its_own_job_alone(watcher: NewsWatcher) -> None:
    jobs = [make_job() for _ in range(3)]
    news = [begin(job.pk) for job in jobs]
    lifecycle.cancel_job(jobs[1].pk, "ada")
    assert news[1].wait(20)
    assert [one.is_set() for one in news] == [False, True, False]
    Job.objects.filter(pk=jobs[0].pk).delete()
    assert news[0].wait(20)
    assert len(watcher) == 1


def test_a_change_is_news_only_to_who_knows_the_version_before(watcher: NewsWatcher) -> None:
    job = make_job()
    end, change = begin(job.pk), begin(job.pk, job.version)
    Job.objects.filter(pk=job.pk).update(version=job.version + 1)
    assert change.wait(20)
    assert not end.is_set()
    assert begin(job.pk, job.version).wait(20)  # it came before somebody waited


def test_who_waits_for_results_hears_of_whatever_ends(watcher: NewsWatcher) -> None:
    job, news = make_job(), []
    for seen in (newest_position(), newest_position() - 1):  # one has ended since the second
        event = threading.Event()
        wait = ResultsWait(seen, time.monotonic() + 60)
        wait.begin(event.set)
        news.append(event)
    assert news[1].wait(20)
    assert not news[0].is_set()
    lifecycle.cancel_job(job.pk, "ada")
    assert news[0].wait(20)


def test_who_waits_for_results_is_told_when_the_feed_cannot_be_read(
    watcher: NewsWatcher, monkeypatch: Any
) -> None:
    def closed() -> int:
        raise FeedClosed

    event = threading.Event()
    wait = ResultsWait(newest_position(), time.monotonic() + 60)
    monkeypatch.setattr(waits, "newest_position", closed)
    wait.begin(event.set)
    assert event.wait(20)


def test_many_jobs_take_few_statements(watcher: NewsWatcher, monkeypatch: Any) -> None:
    jobs = [make_job() for _ in range(7)]
    lengths: list[int] = []
    run: Any = vars(waits)["run"]

    def counted(db: Any, statement: str, parameters: Any) -> Any:
        lengths.append(len(parameters))
        return run(db, statement, parameters)

    monkeypatch.setattr(waits, "AT_ONCE", 5)
    monkeypatch.setattr(waits, "STEP", 5)
    monkeypatch.setattr(waits, "run", counted)
    found = waits._versions([job.pk for job in jobs] + [uuid.uuid4()])
    adapt = Adapter(connection()).uuid
    assert found == {adapt(job.pk): (job.version, job.status) for job in jobs}
    assert lengths == [5, 5]


def test_it_goes_on_when_the_database_does(
    watcher: NewsWatcher, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    job = make_job()
    versions, failed = waits._versions, threading.Event()

    def away(jobs: Any) -> Any:
        failed.set()
        raise OperationalError("gone away")

    monkeypatch.setattr(waits, "_versions", away)
    news = begin(job.pk)
    assert failed.wait(20)
    lifecycle.cancel_job(job.pk, "ada")
    monkeypatch.setattr(waits, "_versions", versions)
    assert news.wait(20)
    assert "cannot be read" in caplog.text


def test_what_came_before_an_outage_is_told_after_it(
    watcher: NewsWatcher, monkeypatch: Any
) -> None:
    """Though nobody commits anything more."""
    job = make_job()
    lifecycle.cancel_job(job.pk, "ada")
    versions, failed = waits._versions, threading.Event()

    def away(jobs: Any) -> Any:
        monkeypatch.setattr(waits, "_versions", versions)
        failed.set()
        raise OperationalError("gone away")

    monkeypatch.setattr(waits, "_versions", away)
    news = begin(job.pk)
    assert failed.wait(20)
    assert news.wait(20)


def test_without_a_thread_the_next_who_waits_gets_one(
    watcher: NewsWatcher, monkeypatch: Any, caplog: pytest.LogCaptureFixture
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
