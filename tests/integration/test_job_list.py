"""Lists of jobs by every filter and sort, however few rows a page may read of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from jobs.core.states import Status
from jobs.models import Job
from jobs.queries.job_list import Cursor, JobFilter, Sort, indexes, read_page
from jobs.queries.job_list.filters import Span
from tests.factories import make_user
from tests.integration.listed_jobs import all_pages, at, expected, filters, make_jobs

pytestmark = pytest.mark.django_db
FEW = 6_000


@pytest.fixture
def jobs(ada: User, bob: User) -> list[Job]:
    return make_jobs(150, [ada, bob, None])


@pytest.mark.parametrize("most", [9, 10_000])
@pytest.mark.parametrize("sort", Sort)
def test_every_list_is_whole_and_in_order(
    jobs: list[Job], ada: User, monkeypatch: pytest.MonkeyPatch, sort: Sort, most: int
) -> None:
    monkeypatch.setattr(indexes, "MOST_READ", most)
    monkeypatch.setattr(indexes, "MOST_UNFINISHED", most)
    lengths = set()
    for wanted in filters(jobs, ada.pk):
        pages = list(all_pages(wanted, sort, 4))
        found = list(chain.from_iterable(pages))
        assert found == expected(jobs, wanted, sort), wanted
        lengths.add(len(found))
        if most == 10_000:  # no index ends before: each page but the last is full
            assert all(len(page) == 4 for page in pages[:-1]), wanted
    assert len(lengths) > 20


def test_a_page_that_has_read_enough_says_where_to_go_on(
    jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "MOST_READ", 10)
    page = read_page(JobFilter(arguments={"x": "no such"}), Sort.NEWEST, 50)
    assert page.jobs == []
    assert page.next == Cursor(jobs[-10].id)


def test_the_index_that_reaches_farthest_is_read(
    jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a task that occurs rarely: one page instead of ten, whatever else is asked for."""
    monkeypatch.setattr(indexes, "MOST_READ", 20)
    rare = make_user("rare")
    Job.objects.filter(pk__in=[job.pk for job in jobs[::10]]).update(owner=rare)
    wanted = JobFilter(owner=rare.pk, task="app.fetch", queue="mail")
    assert read_page(wanted, Sort.NEWEST, 50).next is None


@pytest.mark.skipif(connection.vendor != "sqlite", reason="it counts SQLite's instructions")
def test_no_list_reads_more_than_it_may(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 4,000 jobs a page reads 50, from each index that it asks."""
    monkeypatch.setattr(indexes, "MOST_READ", 50)
    monkeypatch.setattr(indexes, "MOST_UNFINISHED", 50)
    jobs = make_jobs(4000, [ada, make_user("eve"), None])
    few = Job.objects.filter(pk__in=[job.pk for job in jobs[::400]])
    few.update(owner=ada, task="app.rare", status=Status.CANCELLED, error_type="Rare")
    rare = [
        JobFilter(task="app.rare", owner=ada.pk),
        JobFilter(error_type="Rare"),
        JobFilter(statuses=frozenset({Status.CANCELLED}), queue="mail"),
    ]
    for sort in Sort:
        for wanted in (*filters(jobs, ada.pk)[::3], *rare):
            page = read_page(wanted, sort, 10)
            again = partial(read_page, wanted, sort, 10, page.next)
            assert instructions(again) < FEW, (sort, wanted)
    assert instructions(lambda: list(Job.objects.filter(queue="no such"))) > 2 * FEW


def instructions(run: Callable[[], Any]) -> int:
    """Run it; return how many instructions SQLite has executed for it."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 100
        return 0

    connection.connection.set_progress_handler(step, 100)
    try:
        run()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return steps


def test_an_unbounded_span_has_no_ends(jobs: list[Job]) -> None:
    early, late = Span(at(-(10**6))), Span(None, at(10**6))
    for span in (early, late):
        assert len(read_page(JobFilter(created=span), Sort.OLDEST, 200).jobs) == len(jobs)


def test_large_columns_are_empty_unless_they_are_read(
    jobs: list[Job], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        (job,) = read_page(JobFilter(), Sort.NEWEST, 1).jobs
        assert (job.kwargs, job.args, job.result) == ({}, [], None)
    Job.objects.filter(pk=job.pk).update(kwargs={"n": 1}, result=[2])
    with django_assert_num_queries(1):
        (job,) = read_page(JobFilter(), Sort.NEWEST, 1, large=("kwargs", "result")).jobs
        assert (job.kwargs, job.result) == ({"n": 1}, [2])
