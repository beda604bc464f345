"""The page of a job, open in a browser while the job goes its way."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.models import Job
from tests.browser.conftest import Site
from tests.integration.page_jobs import PageJobs
from tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

Watch = Callable[["Page", str], list[str]]


def path_of(job: Job, rest: str = "") -> str:
    return f"/jobs/{job.id}/{rest}"


def test_a_job_is_followed_from_waiting_to_its_result(
    site: Site, page_jobs: PageJobs, saw: Watch
) -> None:
    from playwright.sync_api import expect

    assert page_jobs.consumer
    job = page_jobs.waiting()
    page = site.open(path_of(job))
    polls = saw(page, "/live")
    expect(page.locator("#job-now")).to_contain_text("It is the next to run.")
    page.locator("#do-cancel").focus()
    with page.expect_response(lambda answer: "/live" in answer.url and answer.status == 304):
        pass

    claim = page_jobs.claim(job)
    expect(page.locator("#job-status")).to_contain_text("running")
    expect(page.locator("#say")).to_have_text("Count words: running")
    for done in (20, 62):
        page_jobs.tell(claim, f"reading part {done}\n", done, 100)
        expect(page).to_have_title(f"{done} % Count words")
        expect(page.locator("#log")).to_contain_text(f"reading part {done}")
    assert page.locator("#log").inner_text().count("reading part 20") == 1
    # All the while the focus stayed where it was, though the page around it changed.
    expect(page.locator("#do-cancel")).to_be_focused()

    page_jobs.end(claim, result="7 * 7 = 49")
    expect(page.locator(".large")).to_have_text("7 * 7 = 49")
    expect(page).to_have_title("Count words: done")
    expect(page.locator("#say")).to_have_text("Count words: done")
    expect(page.locator("#live[hx-get]")).to_have_count(0)
    assert "GET 304" in polls


class Clock:
    """A page's clock, which stands still but for what a test lets pass. Counts the polls."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.evaluate(
            """() => {
                window.asked = window.heard = 0;
                document.addEventListener('htmx:beforeRequest', () => { window.asked += 1; });
                document.addEventListener('htmx:afterRequest', () => { window.heard += 1; });
            }"""
        )

    def count(self, name: str) -> int:
        """How many requests the page has asked, or heard the answer of."""
        return int(self._page.evaluate(f"window.{name}"))

    def seconds_to_poll(self, most: int = 60) -> int | None:
        """Let time pass, second by second, until the next poll; None when none comes."""
        before = self.count("asked")
        for second in range(1, most + 1):
            self._page.clock.run_for(1000)
            if self.count("asked") > before:
                wait_until(lambda: self.count("heard") == self.count("asked"), what="an answer")
                return second
        return None


def with_clock(site: Site, job: Job) -> tuple[Page, Clock]:
    """Open a job's page with a clock that stands still."""
    page = site.open("/sign-in/")
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    page.goto(path_of(job))
    return page, Clock(page)


def test_polls_come_less_often_with_time_and_end_with_the_job(
    site: Site, page_jobs: PageJobs
) -> None:
    job, claim = page_jobs.running()
    page, clock = with_clock(site, job)
    assert [clock.seconds_to_poll() for _ in range(15)] == [1] * 15
    assert [clock.seconds_to_poll() for _ in range(45)] == [2] * 45
    assert clock.seconds_to_poll() == 5
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})"
    )
    page.evaluate("window.away = true")
    clock.seconds_to_poll()
    assert clock.seconds_to_poll() == 30
    page_jobs.end(claim)
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    page.locator("#live[hx-get]").wait_for(state="detached")
    assert clock.seconds_to_poll() is None


def test_scroll_selection_and_open_details_stay(site: Site, page_jobs: PageJobs) -> None:
    from playwright.sync_api import expect

    job, claim = page_jobs.running()
    page = site.open(path_of(job, "?tab=result"), viewport={"width": 390, "height": 400})
    page.get_by_text("As curl").click()
    page.locator("#curl").scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    assert before > 0
    page_jobs.tell(claim, "a line\n", 1, 2)
    expect(page).to_have_title(re.compile("^50 %"))
    assert page.evaluate("scrollY") == pytest.approx(before, abs=80)
    expect(page.locator("#curl")).to_be_visible()


def test_a_log_is_followed_until_someone_reads_it(site: Site, page_jobs: PageJobs) -> None:
    from playwright.sync_api import expect

    job, claim = page_jobs.running()
    page_jobs.tell(claim, "".join(f"line {number}\n" for number in range(200)))
    page = site.open(path_of(job))
    at_end = "log => log.scrollHeight - log.scrollTop - log.clientHeight < 2"
    log = page.locator("#log")
    expect(log).to_contain_text("line 199")
    assert log.evaluate(at_end)
    page_jobs.tell(claim, "line 200\n")
    expect(log).to_contain_text("line 200")
    assert log.evaluate(at_end)
    page.get_by_label("Follow").uncheck()
    log.evaluate("log => { log.scrollTop = 0 }")
    page_jobs.tell(claim, "line 201\n")
    expect(log).to_contain_text("line 201")
    assert log.evaluate("log => log.scrollTop") == 0
    # Who reads the log is not sent to the result when the job ends.
    page_jobs.end(claim, result="the result")
    expect(page.locator("#job-status")).to_contain_text("done")
    expect(log).to_contain_text("line 201")


def test_the_log_is_searched_as_one_types(site: Site, page_jobs: PageJobs) -> None:
    from playwright.sync_api import expect

    job, claim = page_jobs.running()
    page_jobs.tell(claim, "alpha\nbeta\ngamma\n")
    page = site.open(path_of(job))
    page.get_by_label("Search the log").fill("BET")
    expect(page.locator("#lines pre")).to_have_text("beta\n")
    page.get_by_label("Search the log").fill("")
    expect(page.locator("#log")).to_contain_text("gamma")


def test_cancelling_a_running_job_is_shown_on_its_page(site: Site, page_jobs: PageJobs) -> None:
    from playwright.sync_api import expect

    job, _ = page_jobs.running()
    page = site.open(path_of(job))
    page.get_by_role("button", name="Cancel this job").click()
    expect(page.locator("#job-status")).to_contain_text("asked to stop by ada")
    expect(page.get_by_role("button", name="Cancel this job")).to_have_count(0)


def test_a_lost_connection_is_reported_until_it_is_back(site: Site, page_jobs: PageJobs) -> None:
    from playwright.sync_api import expect

    job, claim = page_jobs.running()
    page, clock = with_clock(site, job)
    page.context.set_offline(offline=True)
    assert clock.seconds_to_poll() == 1
    assert clock.seconds_to_poll() == 5
    expect(page.locator("#away")).to_be_visible()
    page_jobs.end(claim, result="after all")
    page.context.set_offline(offline=False)
    assert clock.seconds_to_poll() == 5
    expect(page.locator(".large")).to_have_text("after all")
    expect(page.locator("#away")).to_be_hidden()
    site.complaints.clear()


def test_a_user_whose_session_has_ended_is_asked_to_sign_in(
    site: Site, page_jobs: PageJobs
) -> None:
    job, _ = page_jobs.running()
    page = site.open(path_of(job))
    page.context.clear_cookies()
    page.wait_for_url("**/sign-in/**")


def test_without_a_script_the_page_comes_again_until_the_job_has_finished(
    site: Site, page_jobs: PageJobs
) -> None:
    from playwright.sync_api import expect

    job, claim = page_jobs.running()
    page = site.open(path_of(job, "?tab=log"), java_script_enabled=False)
    page_jobs.tell(claim, "news\n", 1, 2)
    expect(page.locator("#log")).to_contain_text("news")
    page_jobs.end(claim, result=1)
    expect(page.locator("#job-status")).to_contain_text("done")
    assert page.locator("meta[http-equiv=refresh]").count() == 0


def test_a_table_is_sorted_without_leaving_the_page(site: Site, page_jobs: PageJobs) -> None:
    from playwright.sync_api import expect

    job = page_jobs.done([{"city": "Bonn", "people": 3}, {"city": "Aachen", "people": 20}])
    page = site.open(path_of(job))
    page.evaluate("window.stayed = true")
    head = page.get_by_role("link", name="people")
    head.focus()
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr").first).to_contain_text("Aachen")
    expect(head).to_be_focused()
    assert page.evaluate("window.stayed")
    assert "sort=-0.1" in page.url


def test_a_result_is_copied(site: Site, page_jobs: PageJobs) -> None:
    from playwright.sync_api import expect

    job = page_jobs.done({"a": [1, 2]})
    page = site.open(path_of(job), permissions=["clipboard-read", "clipboard-write"])
    page.locator("#copy-result").click()
    expect(page.locator("#copy-result")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == '{\n  "a": [\n    1,\n    2\n  ]\n}'
