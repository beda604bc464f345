"""The page of a job: what it says in each state, what it shows, who may see it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from jobs import lifecycle
from jobs.models import Consumer, Job
from jobs.states import Ending, Status
from jobs.submission import store_upload

from .page_jobs import Desk
from .page_tasks import FILES, MAILING, PLAIN

REFRESH = 'http-equiv="refresh"'


def at(job: Job, rest: str = "") -> str:
    return f"/jobs/{job.id}/{rest}"


def read(page: Client, job: Job, rest: str = "") -> str:
    answer = page.get(at(job, rest))
    assert answer.status_code == 200, answer.content
    text: str = answer.content.decode()
    return text


def test_a_job_that_nobody_serves_says_what_to_start(page: Client, desk: Desk) -> None:
    html = read(page, desk.waiting(queue="mail"))
    assert "No consumer serves the queue mail." in html
    assert "python manage.py runconsumers --queues mail" in html
    assert REFRESH in html
    assert "Cancel this job" in html


def test_a_consumer_that_was_not_heard_of_for_long_serves_nothing(page: Client, desk: Desk) -> None:
    Consumer.objects.filter(pk=desk.consumer).update(beat_at=timezone.now() - timedelta(hours=1))
    assert "No consumer serves" in read(page, desk.waiting())


def test_a_job_in_line_says_how_many_are_ahead(page: Client, desk: Desk) -> None:
    assert desk.consumer
    first, second, third = (desk.waiting() for _ in range(3))
    assert "It is the next to run." in read(page, first)
    assert "One job is ahead of it." in read(page, second)
    assert "2 jobs are ahead of it." in read(page, third)
    desk.waiting(priority=8)
    urgent = desk.waiting(priority=9)
    assert "It is the next to run." in read(page, urgent)


def test_a_paused_queue_is_the_reason(page: Client, desk: Desk) -> None:
    assert desk.consumer
    lifecycle.set_paused("default", paused=True)
    assert "The queue default is paused." in read(page, desk.waiting())


def test_a_later_job_says_when(page: Client, desk: Desk) -> None:
    job = desk.waiting(run_after=timezone.now() + timedelta(hours=2, minutes=1))
    html = read(page, job)
    assert "It starts" in html
    assert "in 2 h" in html


def test_a_job_that_failed_and_runs_again_shows_the_failure(page: Client, desk: Desk) -> None:
    _, claim = desk.running()
    job = desk.end(claim, Ending.FAILED, error_type="builtins.OSError", message="no route")
    html = read(page, job)
    assert job.status == Status.SCHEDULED
    assert "builtins.OSError: no route" in html
    assert "It failed; 2 attempts are left, the next one starts" in html


def test_a_running_job_tells_how_far_it_is_and_how_long_it_takes(page: Client, desk: Desk) -> None:
    job, claim = desk.running()
    Job.objects.filter(pk=job.pk).update(started_at=timezone.now() - timedelta(seconds=62))
    desk.tell(claim, "reading part 3\n", 620_000, 1_000_000)
    html = read(page, job)
    assert "<title>62 % Count words</title>" in html
    assert "620,000 of 1,000,000 lines" in html
    assert "about 40 s left" in html
    assert "reading part 3" in html


def test_a_running_job_that_has_no_total_makes_no_guess(page: Client, desk: Desk) -> None:
    job, claim = desk.running()
    desk.tell(claim, done=12)
    html = read(page, job)
    assert "<progress" not in html
    assert "12 lines" in html
    assert "left" not in html.partition('id="job-panel"')[0]


def test_cancelling_waiting_and_running_jobs(page: Client, desk: Desk) -> None:
    waiting = desk.waiting()
    assert page.post(at(waiting, "cancel")).status_code == 303
    assert "Cancelled by ada" in read(page, waiting)
    job, _ = desk.running()
    page.post(at(job, "cancel"))
    html = read(page, job)
    assert "asked to stop by ada" in html
    assert "Cancel this job" not in html


def test_a_failed_job_shows_why_and_can_be_retried(page: Client, desk: Desk) -> None:
    job = desk.failed("Look <here>")
    html = read(page, job)
    assert "Look &lt;here&gt;" in html
    assert "Traceback: line 1" in html
    assert REFRESH not in html
    assert page.post(at(job, "retry")).status_code == 303
    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_retry_needs_the_permission_of_the_task(page: Client, desk: Desk, chief: User) -> None:
    job = desk.failed(task=MAILING, args={"to": "x"})
    html = read(page, job)
    assert "Retry this job" not in html
    assert "Run again" not in html
    told = page.post(at(job, "retry"), follow=True)
    assert "You may not hand in" in told.content.decode()
    job.refresh_from_db()
    assert job.status == Status.FAILED


def test_what_cannot_be_cancelled_or_retried_is_told(page: Client, desk: Desk) -> None:
    job = desk.done()
    told = page.post(at(job, "cancel"), follow=True).content.decode()
    assert "This job has finished: done." in told
    told = page.post(at(job, "retry"), follow=True).content.decode()
    assert "Only a failed or cancelled job can run again" in told


@pytest.mark.parametrize("rest", ["", "live", "log.txt", "result", "files/x", "uploads/x"])
def test_another_users_job_is_the_same_404_as_none(
    page: Client, desk: Desk, bob: User, rest: str
) -> None:
    foreign = desk.waiting(owner=bob)
    theirs = page.get(at(foreign, rest))
    none = page.get(f"/jobs/0192d3a0-0000-7000-8000-000000000000/{rest}")
    nonsense = page.get(f"/jobs/nonsense/{rest}")
    assert [one.status_code for one in (theirs, none, nonsense)] == [404] * 3
    assert theirs.content.partition(b"<main")[2] == none.content.partition(b"<main")[2]
    assert none.content.partition(b"<main")[2] == nonsense.content.partition(b"<main")[2]
    for action in ("cancel", "retry"):
        assert page.post(at(foreign, action)).status_code == 404


def test_staff_see_everyones_jobs_and_whose_they_are(page: Client, desk: Desk, chief: User) -> None:
    job = desk.waiting()
    assert "<dt>By</dt>" not in read(page, job)
    page.force_login(chief)
    assert "<dt>By</dt><dd>ada</dd>" in read(page, job)


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        ("7 * 7 = 49", '<p class="large">7 * 7 = 49</p>'),
        (0, '<p class="large">0</p>'),
        (False, '<p class="large">no</p>'),
        (None, "It returned nothing."),
        ("line 1\n<line> 2", '<pre class="text" tabindex="0">line 1\n&lt;line&gt; 2</pre>'),
        ({"lines": 3}, '<span class="key">lines</span> <span>3</span>'),
        ([], "<code>[]</code>"),
        ([1, "<a>"], '<ol class="values"><li>1</li><li>&lt;a&gt;</li></ol>'),
        ({"deep": {"er": {}}}, "<code>{}</code>"),
        ({"rows": [{"n": 1}]}, '<td data-label="n" class="right">1</td>'),
    ],
)
def test_a_result_is_shown_by_its_kind(page: Client, desk: Desk, result: Any, shown: str) -> None:
    assert shown in read(page, desk.done(result))


def test_rows_are_a_table_that_is_sorted_by_its_heads(page: Client, desk: Desk) -> None:
    rows = [{"city": "Bonn", "people": 3}, {"city": "aachen", "people": 20}, {"city": "Celle"}]
    job = desk.done(rows)
    html = read(page, job)
    assert 'sort=-0.1"' in html  # of numbers the largest first
    by_name = read(page, job, "?tab=result&sort=0.0")
    assert by_name.index("aachen") < by_name.index("Bonn") < by_name.index("Celle")
    assert 'aria-sort="ascending"' in by_name
    by_people = read(page, job, "?tab=result&sort=-0.1")
    assert by_people.index("aachen") < by_people.index("Bonn") < by_people.index("Celle")
    for nonsense in ("9.9", "x", "-", "0.99999999999"):
        assert "aachen" in read(page, job, f"?sort={nonsense}")


def test_a_result_that_is_nested_without_end_is_shown_as_json(page: Client, desk: Desk) -> None:
    nested: Any = "end"
    for _ in range(60):
        nested = {"in": [nested]}
    assert "end" in read(page, desk.done(nested))


def test_result_and_log_can_be_downloaded(page: Client, desk: Desk) -> None:
    _, claim = desk.running()
    desk.tell(claim, "one\n")
    desk.tell(claim, "two\n")
    job = desk.end(claim, result={"ü": 1})
    log = page.get(at(job, "log.txt"))
    assert log.getvalue() == b"one\ntwo\n"
    assert "attachment" in log.headers["Content-Disposition"]
    result = page.get(at(job, "result"))
    assert result.json() == {"ü": 1}
    assert 'filename="pages.count_words-result.json"' in result.headers["Content-Disposition"]
    text = page.get(at(desk.done("a text"), "result"))
    assert text.content == b"a text"
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_large_result_is_offered_as_its_file(page: Client, desk: Desk) -> None:
    _, claim = desk.running()
    desk.keep(claim, "result.json", b"[" + b"1," * 50_000 + b"1]", "application/json")
    html = read(page, desk.end(claim, result=None))
    assert "The result is large (100 kB)." in html
    assert "files/result.json?download" in html


def test_pictures_are_shown_harmlessly_and_the_rest_is_saved(page: Client, desk: Desk) -> None:
    _, claim = desk.running()
    desk.keep(claim, "plot.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")
    desk.keep(claim, "page.html", b"<script>alert(1)</script>", "text/html")
    job = desk.end(claim)
    html = read(page, job)
    assert f'<img src="{at(job, "files/plot.svg")}"' in html
    plot = page.get(at(job, "files/plot.svg"))
    assert plot.headers["Content-Type"] == "image/svg+xml"
    assert "attachment" not in plot.headers.get("Content-Disposition", "")
    assert "sandbox" in plot.headers["Content-Security-Policy"]
    assert plot.headers["X-Content-Type-Options"] == "nosniff"
    saved = page.get(at(job, "files/plot.svg?download"))
    assert "attachment" in saved.headers["Content-Disposition"]
    hostile = page.get(at(job, "files/page.html"))
    assert "attachment" in hostile.headers["Content-Disposition"]
    assert page.get(at(job, "files/none")).status_code == 404
    for answer in (plot, saved, hostile):
        answer.close()


def test_files_given_are_listed_and_can_be_fetched(page: Client, desk: Desk, ada: User) -> None:
    upload = store_upload(ada, "access.log", [b"x" * 12_000])
    job = desk.waiting(task=FILES, args={"log": {"upload": str(upload.pk)}})
    html = read(page, job)
    assert "12 kB" in html
    assert '<dd class="mono">access.log</dd>' in html
    answer = page.get(at(job, f"uploads/{upload.pk}"))
    assert answer.getvalue() == b"x" * 12_000
    other = desk.waiting()
    assert page.get(at(other, f"uploads/{upload.pk}")).status_code == 404


def test_the_log_can_be_searched_without_a_script(page: Client, desk: Desk) -> None:
    job, claim = desk.running()
    desk.tell(claim, "first line\nsecond")
    desk.tell(claim, " LINE\nthird\n")
    html = read(page, job, "?tab=log&find=line")
    assert "first line\nsecond LINE\n" in html
    assert "third" not in html
    assert "2 lines with" in html
    assert "No line has" in read(page, job, "?tab=log&find=none")


def test_the_end_of_a_long_log_is_shown_from_the_start_of_a_line(page: Client, desk: Desk) -> None:
    job, claim = desk.running()
    for number in range(30):
        desk.tell(claim, f"line {number} {'x' * 9_000}\n")
    html = read(page, job, "?tab=log")
    assert "characters come before this" in html
    assert "line 18 " not in html
    assert '<pre class="log" id="log" tabindex="0" aria-label="Log">line 19 ' in html
    assert "line 29 " in html


def test_attempts_are_listed_with_their_endings(page: Client, desk: Desk) -> None:
    job, claim = desk.running()
    desk.end(claim, Ending.LOST, error_type="WorkerLost")
    desk.claim(Job.objects.get(pk=job.pk))
    html = read(page, job, "?tab=attempts")
    assert "worker lost" in html
    assert "Attempt 2" in html
    assert "2 (0 of 3 failures)" in html


def test_as_curl_is_a_command_for_a_shell(page: Client, desk: Desk) -> None:
    html = read(page, desk.waiting(args={"text": "it's"}))
    assert "curl http://testserver/api/v1/jobs" in html
    assert "it&#x27;&quot;&#x27;&quot;&#x27;s" in html


def test_a_task_that_left_the_code_still_shows_its_jobs(page: Client, desk: Desk) -> None:
    job = desk.done(3)
    Job.objects.filter(pk=job.pk).update(task="old.gone", args={"n": 1, "m": [1, 2]})
    html = read(page, job)
    assert "<h1>old.gone</h1>" in html
    assert "[1, 2]" in html
    assert "Run again" not in html


def test_an_open_page_hears_304_until_something_changes(page: Client, desk: Desk) -> None:
    assert desk.consumer
    job = desk.waiting()
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


def test_an_open_log_gets_only_what_is_new_and_gives_way_to_the_result(
    page: Client, desk: Desk
) -> None:
    _, claim = desk.running()
    desk.tell(claim, "old words\n")
    job = Job.objects.get(pk=claim.id)
    desk.tell(claim, "new words\n")
    live = at(job, "live?tab=&on=log&offset=10")
    html = page.get(live).content.decode()
    assert "new words" in html
    assert "old words" not in html
    assert 'name="offset" value="20"' in html
    desk.end(claim, result="the result")
    ended = page.get(live).content.decode()
    assert "the result" in ended
    assert '<div id="live" hx-swap-oob="true"></div>' in ended
    asked = page.get(at(job, "live?tab=log&on=log&offset=20")).content.decode()
    assert "the result" not in asked


def test_an_open_page_of_someone_who_has_left_reloads(page: Client, desk: Desk) -> None:
    job = desk.waiting()
    page.logout()
    answer = page.get(at(job, "live"), headers={"HX-Request": "true"})
    assert answer.headers["HX-Refresh"] == "true"
    assert page.get(at(job)).status_code == 302


@pytest.mark.parametrize("tab", ["result", "log", "attempts"])
def test_a_page_asks_the_database_a_few_questions_however_much_there_is(
    page: Client,
    desk: Desk,
    ada: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    tab: str,
) -> None:
    _, claim = desk.running()
    for number in range(20):
        desk.tell(claim, f"line {number}\n")
        desk.keep(claim, f"plot-{number}.png", b"x", "image/png")
    job = desk.end(claim, result=[{"n": n} for n in range(50)])
    with django_assert_max_num_queries(8):
        read(page, job, f"?tab={tab}")


def test_a_poll_that_hears_304_asks_little(
    page: Client, desk: Desk, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    job, _ = desk.running()
    tag = page.get(at(job, "live")).headers["ETag"]
    with django_assert_max_num_queries(3) as asked:
        page.get(at(job, "live"), headers={"If-None-Match": tag})
    # Arguments and result, up to a megabyte each, stay where they are.
    assert not any('"jobs_job"."args"' in query["sql"] for query in asked.captured_queries)
    waiting = desk.waiting()
    with django_assert_max_num_queries(7):
        page.get(at(waiting, "live"))


def test_the_pages_carry_nothing_inline(
    page: Client, desk: Desk, jobs_setting: Callable[..., None]
) -> None:
    job = desk.done([{"n": 1}])
    for path in ("/", "/jobs/", at(job), f"/tasks/{PLAIN}/"):
        answer = page.get(path)
        html = answer.content.decode()
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert " style=" not in html
        assert "<style" not in html
        assert " onclick" not in html
        assert html.count("<script") == html.count('<script src="/static/')
