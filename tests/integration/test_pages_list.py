"""The catalogue and the list of jobs."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from jobs.core.states import Status
from jobs.models import Job
from jobs.web.views import jobs
from tests.integration.page_jobs import PageJobs
from tests.integration.page_tasks import FILES, PLAIN


def shown(html: str) -> list[str]:
    return re.findall(r'id="row-(\w+)"', html)


def get(page: Client, path: str) -> str:
    text: str = page.get(path).content.decode()
    return text


def test_the_catalogue_is_searched_by_any_words(page: Client) -> None:
    assert "Count words" in get(page, "/")
    found = get(page, "/?q=OCCURS+count")
    assert "Count words" in found
    assert "One of each kind" not in found
    assert "No task matches <b>&lt;none&gt;</b>." in get(page, "/?q=<none>")


def test_my_last_jobs_are_mine_and_the_last(page: Client, page_jobs: PageJobs, bob: User) -> None:
    assert "Your jobs appear here" in get(page, "/")
    page_jobs.waiting(owner=bob)
    mine = [page_jobs.waiting(args={"text": f"number {n}"}) for n in range(10)]
    html = get(page, "/")
    assert shown(html) == [job.id.hex for job in reversed(mine[2:])]
    assert "text number 9, min_length 1" in html


def test_users_see_their_own_jobs_and_staff_see_all_on_request(
    page: Client, page_jobs: PageJobs, bob: User, chief: User
) -> None:
    mine, theirs = page_jobs.waiting(), page_jobs.waiting(owner=bob)
    assert shown(get(page, "/jobs/?who=all")) == [mine.id.hex]
    page.force_login(chief)
    assert shown(get(page, "/jobs/")) == []
    html = get(page, "/jobs/?who=all")
    assert shown(html) == [theirs.id.hex, mine.id.hex]
    assert '<td data-label="Owner">bob</td>' in html


def test_filters_narrow_the_list(page: Client, page_jobs: PageJobs) -> None:
    done = page_jobs.done()
    failed = page_jobs.failed()
    mail = page_jobs.waiting(queue="mail")
    assert shown(get(page, "/jobs/?status=failed")) == [failed.id.hex]
    assert shown(get(page, "/jobs/?status=queued")) == [mail.id.hex]
    assert shown(get(page, "/jobs/?queue=mail")) == [mail.id.hex]
    assert shown(get(page, f"/jobs/?task={FILES}")) == []
    assert shown(get(page, f"/jobs/?q={str(done.id)[:-1]}")) == [done.id.hex]
    assert len(shown(get(page, "/jobs/?q=Count"))) == 3
    assert len(shown(get(page, "/jobs/?q=pages.count"))) == 3
    assert "No job is like that." in get(page, "/jobs/?q=nothing-like-that")
    assert len(shown(get(page, "/jobs/?status=nonsense&after=x&before=y"))) == 3


def test_pages_lead_to_older_and_newer_jobs_and_keep_the_filters(
    page: Client, page_jobs: PageJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PAGE_SIZE", 3)
    ids = [page_jobs.waiting().id.hex for _ in range(8)][::-1]
    path = f"/jobs/?task={PLAIN}"
    seen = []
    while True:
        html = get(page, path)
        seen += shown(html)
        older = re.search(r'href="([^"]+)" rel="next"', html)
        if older is None:
            break
        path = "/jobs/" + older[1].replace("&amp;", "&")
        assert f"task={PLAIN}" in path
    assert seen == ids
    newer = re.search(r'href="([^"]+)" rel="prev"', html)
    assert newer is not None
    assert shown(get(page, "/jobs/" + newer[1].replace("&amp;", "&"))) == ids[3:6]


def test_many_jobs_are_cancelled_at_once_and_the_list_says_what_happened(
    page: Client, page_jobs: PageJobs, bob: User
) -> None:
    running, _ = page_jobs.running()
    waiting = [page_jobs.waiting() for _ in range(2)]
    done = page_jobs.done(priority=9)
    foreign = page_jobs.waiting(owner=bob)
    ticked = [str(job.id) for job in (running, *waiting, done, foreign)]
    answer = page.post(
        "/jobs/bulk", {"do": "cancel", "job": [*ticked, "x"], "next": "/jobs/?status=queued"}
    )
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/jobs/?status=queued"
    html = get(page, "/jobs/")
    assert "2 jobs cancelled." in html
    assert "1 job asked to stop." in html
    assert "1 job left as it was: This job has finished: done." in html
    foreign.refresh_from_db()
    assert foreign.status == Status.QUEUED


def test_many_jobs_are_retried_at_once(page: Client, page_jobs: PageJobs) -> None:
    failed = [page_jobs.failed(), page_jobs.failed()]
    page.post("/jobs/bulk", {"do": "retry", "job": [str(job.id) for job in failed]})
    assert "2 jobs back in the queue." in get(page, "/jobs/")
    assert {job.status for job in Job.objects.all()} == {Status.QUEUED}


def test_an_action_without_jobs_is_explained_and_a_foreign_address_is_not_followed(
    page: Client,
) -> None:
    answer = page.post("/jobs/bulk", {"do": "cancel", "next": "https://example.org/jobs/"})
    assert answer.headers["Location"] == "/jobs/"
    assert "Tick the jobs first" in get(page, "/jobs/")


def test_an_open_list_polls_the_rows_that_can_change(
    page: Client, page_jobs: PageJobs, bob: User
) -> None:
    job, foreign = page_jobs.waiting(), page_jobs.waiting(owner=bob)
    assert 'id="live"' in get(page, "/jobs/")
    path = f"/jobs/rows?page=list&id={job.id}&id={foreign.id}&id=x"
    answer = page.get(path)
    assert shown(answer.content.decode()) == [job.id.hex]
    same = page.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert same.status_code == 304
    page_jobs.end(page_jobs.claim(job))
    ended = page.get(path, headers={"If-None-Match": answer.headers["ETag"]}).content.decode()
    assert "done" in ended
    assert '<div id="live" hx-swap-oob="true">' in ended
    assert 'id="live"' not in get(page, "/jobs/")


@pytest.mark.parametrize("path", ["/", "/jobs/", f"/tasks/{PLAIN}/"])
def test_a_list_needs_the_same_few_queries_at_any_length(
    page: Client,
    page_jobs: PageJobs,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    path: str,
) -> None:
    for number in range(20):
        page_jobs.waiting(args={"text": "x" * 10_000 + str(number)})
    with django_assert_max_num_queries(4) as asked:
        html = get(page, path)
    assert "x" * 100 not in html
    for query in asked.captured_queries:
        assert '"jobs_job"."kwargs",' not in query["sql"]
        assert "COUNT(" not in query["sql"]


@pytest.mark.parametrize("path", ["/", "/jobs/", "/jobs/rows", f"/tasks/{PLAIN}/"])
def test_anonymous_users_are_redirected_to_sign_in(db: None, page_tasks: None, path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in/?next=")
    assert Client().post("/jobs/bulk").status_code == 302
