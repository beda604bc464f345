"""The page of a job that stays open, and what a page costs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from jobs import lifecycle
from jobs.models import Job
from tests.integration.job_pages import at, read
from tests.integration.page_jobs import PageJobs
from tests.integration.page_tasks import PLAIN


def test_an_open_page_gets_304_until_something_changes(page: Client, page_jobs: PageJobs) -> None:
    assert page_jobs.consumer
    job = page_jobs.waiting()
    tag = page.get(at(job, "live")).headers["ETag"]
    assert tag in page.get(at(job)).content.decode().replace("&quot;", '"')
    same = page.get(at(job, "live"), headers={"If-None-Match": tag})
    assert same.status_code == 304
    assert not same.content
    # Why it waits changes without the row.
    lifecycle.set_paused("default", paused=True)
    news = page.get(at(job, "live"), headers={"If-None-Match": tag})
    assert news.status_code == 200
    assert "is paused" in news.content.decode()


def test_an_open_log_gets_only_new_text_and_is_replaced_by_the_result(
    page: Client, page_jobs: PageJobs
) -> None:
    _, claim = page_jobs.running()
    page_jobs.tell(claim, "old words\n")
    job = Job.objects.get(pk=claim.id)
    page_jobs.tell(claim, "new words\n")
    live = at(job, "live?tab=&on=log&offset=10")
    html = page.get(live).content.decode()
    assert "new words" in html
    assert "old words" not in html
    assert 'name="offset" value="20"' in html
    page_jobs.end(claim, result="the result")
    ended = page.get(live).content.decode()
    assert "the result" in ended
    assert '<div id="live" hx-swap-oob="true"></div>' in ended
    asked = page.get(at(job, "live?tab=log&on=log&offset=20")).content.decode()
    assert "the result" not in asked


def test_an_open_page_reloads_after_the_user_has_signed_out(
    page: Client, page_jobs: PageJobs
) -> None:
    job = page_jobs.waiting()
    page.logout()
    answer = page.get(at(job, "live"), headers={"HX-Request": "true"})
    assert answer.headers["HX-Refresh"] == "true"
    assert page.get(at(job)).status_code == 302


@pytest.mark.parametrize("tab", ["result", "log", "attempts"])
def test_a_page_needs_the_same_few_queries_for_any_job(
    page: Client,
    page_jobs: PageJobs,
    ada: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    tab: str,
) -> None:
    _, claim = page_jobs.running()
    for number in range(20):
        page_jobs.tell(claim, f"line {number}\n")
        page_jobs.keep(claim, f"plot-{number}.png", b"x", "image/png")
    job = page_jobs.end(claim, result=[{"n": n} for n in range(50)])
    with django_assert_max_num_queries(8):
        read(page, job, f"?tab={tab}")


def test_a_poll_that_gets_304_needs_few_queries(
    page: Client, page_jobs: PageJobs, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    job, _ = page_jobs.running()
    tag = page.get(at(job, "live")).headers["ETag"]
    with django_assert_max_num_queries(3) as asked:
        page.get(at(job, "live"), headers={"If-None-Match": tag})
    # Arguments and result, up to a megabyte each, stay where they are.
    assert not any('"jobs_job"."kwargs"' in query["sql"] for query in asked.captured_queries)
    waiting = page_jobs.waiting()
    with django_assert_max_num_queries(7):
        page.get(at(waiting, "live"))


def test_the_pages_have_no_inline_style_or_script(
    page: Client, page_jobs: PageJobs, jobs_setting: Callable[..., None]
) -> None:
    job = page_jobs.done([{"n": 1}])
    for path in ("/", "/jobs/", at(job), f"/tasks/{PLAIN}/"):
        answer = page.get(path)
        html = answer.content.decode()
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert " style=" not in html
        assert "<style" not in html
        assert " onclick" not in html
        assert html.count("<script") == html.count('<script src="/static/')
