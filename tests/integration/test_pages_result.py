"""The page of a job: its result, files, log and attempts."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from jobs.core.states import AttemptOutcome
from jobs.models import Job
from jobs.submission import store_upload
from tests.integration.job_pages import at, read
from tests.integration.page_jobs import PageJobs
from tests.integration.page_tasks import FILES


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
def test_a_result_is_shown_by_its_kind(
    page: Client, page_jobs: PageJobs, result: Any, shown: str
) -> None:
    assert shown in read(page, page_jobs.done(result))


def test_rows_are_a_table_that_is_sorted_by_its_heads(page: Client, page_jobs: PageJobs) -> None:
    rows = [{"city": "Bonn", "people": 3}, {"city": "aachen", "people": 20}, {"city": "Celle"}]
    job = page_jobs.done(rows)
    html = read(page, job)
    assert 'sort=-0.1"' in html  # of numbers the largest first
    by_name = read(page, job, "?tab=result&sort=0.0")
    assert by_name.index("aachen") < by_name.index("Bonn") < by_name.index("Celle")
    assert 'aria-sort="ascending"' in by_name
    by_people = read(page, job, "?tab=result&sort=-0.1")
    assert by_people.index("aachen") < by_people.index("Bonn") < by_people.index("Celle")
    for nonsense in ("9.9", "x", "-", "0.99999999999"):
        assert "aachen" in read(page, job, f"?sort={nonsense}")


def test_a_deeply_nested_result_is_shown_as_json(page: Client, page_jobs: PageJobs) -> None:
    nested: Any = "end"
    for _ in range(60):
        nested = {"in": [nested]}
    assert "end" in read(page, page_jobs.done(nested))


def test_result_and_log_can_be_downloaded(page: Client, page_jobs: PageJobs) -> None:
    _, claim = page_jobs.running()
    page_jobs.tell(claim, "one\n")
    page_jobs.tell(claim, "two\n")
    job = page_jobs.end(claim, result={"ü": 1})
    log = page.get(at(job, "log.txt"))
    assert log.getvalue() == b"one\ntwo\n"
    assert "attachment" in log.headers["Content-Disposition"]
    result = page.get(at(job, "result"))
    assert result.json() == {"ü": 1}
    assert 'filename="pages.count_words-result.json"' in result.headers["Content-Disposition"]
    text = page.get(at(page_jobs.done("a text"), "result"))
    assert text.content == b"a text"
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_large_result_is_offered_as_its_file(page: Client, page_jobs: PageJobs) -> None:
    _, claim = page_jobs.running()
    page_jobs.keep(claim, "result.json", b"[" + b"1," * 50_000 + b"1]", "application/json")
    html = read(page, page_jobs.end(claim, result=None))
    assert "The result is large (100 kB)." in html
    assert "files/result.json?download" in html


def test_pictures_are_shown_without_scripts_and_other_files_are_saved(
    page: Client, page_jobs: PageJobs
) -> None:
    _, claim = page_jobs.running()
    page_jobs.keep(claim, "plot.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")
    page_jobs.keep(claim, "photo.png", b"png", "image/png")
    page_jobs.keep(claim, "page.html", b"<script>alert(1)</script>", "text/html")
    job = page_jobs.end(claim)
    html = read(page, job)
    assert f'<img src="{at(job, "files/plot.svg")}"' in html
    plot = page.get(at(job, "files/plot.svg"))
    assert plot.headers["Content-Type"] == "image/svg+xml"
    assert "attachment" in plot.headers["Content-Disposition"], "by itself it is a document"
    assert "sandbox" in plot.headers["Content-Security-Policy"]
    assert plot.headers["X-Content-Type-Options"] == "nosniff"
    photo = page.get(at(job, "files/photo.png"))
    assert "attachment" not in photo.headers.get("Content-Disposition", "")
    saved = page.get(at(job, "files/photo.png?download"))
    assert "attachment" in saved.headers["Content-Disposition"]
    hostile = page.get(at(job, "files/page.html"))
    assert "attachment" in hostile.headers["Content-Disposition"]
    assert page.get(at(job, "files/none")).status_code == 404
    for answer in (plot, photo, saved, hostile):
        answer.close()


def test_uploaded_files_are_listed_and_can_be_downloaded(
    page: Client, page_jobs: PageJobs, ada: User
) -> None:
    upload = store_upload(ada, "access.log", [b"x" * 12_000])
    job = page_jobs.waiting(task=FILES, args={"log": {"upload": str(upload.pk)}})
    html = read(page, job)
    assert "12 kB" in html
    assert '<dd class="mono">access.log</dd>' in html
    answer = page.get(at(job, f"uploads/{upload.pk}"))
    assert answer.getvalue() == b"x" * 12_000
    other = page_jobs.waiting()
    assert page.get(at(other, f"uploads/{upload.pk}")).status_code == 404


def test_the_log_can_be_searched_without_a_script(page: Client, page_jobs: PageJobs) -> None:
    job, claim = page_jobs.running()
    page_jobs.tell(claim, "first line\nsecond")
    page_jobs.tell(claim, " LINE\nthird\n")
    html = read(page, job, "?tab=log&find=line")
    assert "first line\nsecond LINE\n" in html
    assert "third" not in html
    assert "2 lines with" in html
    assert "No line has" in read(page, job, "?tab=log&find=none")


def test_the_end_of_a_long_log_is_shown_from_the_start_of_a_line(
    page: Client, page_jobs: PageJobs
) -> None:
    job, claim = page_jobs.running()
    for number in range(30):
        page_jobs.tell(claim, f"line {number} {'x' * 9_000}\n")
    html = read(page, job, "?tab=log")
    assert "characters come before this" in html
    assert "line 18 " not in html
    assert '<pre class="log" id="log" tabindex="0" aria-label="Log">line 19 ' in html
    assert "line 29 " in html


def test_a_log_over_its_limit_says_what_is_left_out(
    page: Client, page_jobs: PageJobs, jobs_setting: Any
) -> None:
    jobs_setting(MAX_LOG=240_000)
    job, claim = page_jobs.running()
    for number in range(50):
        page_jobs.tell(claim, f"line {number} {'x' * 9_000}\n")
    html = read(page, job, "?tab=log")
    assert "the download has all but" in html
    assert "the log is over its limit" in html
    assert "line 49 " in html
    saved = page.get(at(job, "log.txt")).getvalue().decode()
    assert "line 0 " in saved
    assert "line 49 " in saved
    assert "line 20 " not in saved
    assert saved.count("characters are left out here: the log is over its limit]\n") == 1


def test_attempts_are_listed_with_their_outcomes(page: Client, page_jobs: PageJobs) -> None:
    job, claim = page_jobs.running()
    page_jobs.end(claim, AttemptOutcome.LOST, error_type="WorkerLost")
    page_jobs.claim(Job.objects.get(pk=job.pk))
    html = read(page, job, "?tab=attempts")
    assert "worker lost" in html
    assert "Attempt 2" in html
    assert "2 (0 of 3 failures)" in html


def test_as_curl_is_a_command_for_a_shell(page: Client, page_jobs: PageJobs) -> None:
    html = read(page, page_jobs.waiting(args={"text": "it's"}))
    assert "curl http://testserver/api/v1/jobs" in html
    assert "it&#x27;&quot;&#x27;&quot;&#x27;s" in html


def test_jobs_of_a_removed_task_are_still_shown(page: Client, page_jobs: PageJobs) -> None:
    job = page_jobs.done(3)
    Job.objects.filter(pk=job.pk).update(task="old.gone", kwargs={"n": 1, "m": [1, 2]})
    html = read(page, job)
    assert "<h1>old.gone</h1>" in html
    assert "[1, 2]" in html
    assert "Run again" not in html
