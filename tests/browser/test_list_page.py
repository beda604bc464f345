"""The catalogue and the list in a browser."""

from __future__ import annotations

from jobs.core.states import Status
from jobs.models import Job
from tests.browser.conftest import Site
from tests.integration.page_jobs import PageJobs

LONG = "a-very-long-word-without-a-place-to-break-" * 6


def test_the_catalogue_is_narrowed_as_one_types(site: Site) -> None:
    from playwright.sync_api import expect

    page = site.open("/")
    search = page.get_by_label("Search the tasks")
    search.press_sequentially("count wor")
    expect(page.locator(".tasks li")).to_have_count(1)
    expect(search).to_be_focused()
    assert "q=count" in page.url
    search.fill("nothing like that")
    expect(page.get_by_text("No task matches")).to_be_visible()


def test_filters_work_without_leaving_the_page(site: Site, page_jobs: PageJobs) -> None:
    from playwright.sync_api import expect

    page_jobs.failed()
    page_jobs.waiting()
    page = site.open("/jobs/")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_label("Status", exact=True).select_option("failed")
    expect(rows).to_have_count(1)
    page.get_by_label("Search by id or task").fill("zzz")
    expect(page.get_by_text("No job is like that.")).to_be_visible()


def test_ticked_jobs_are_cancelled_together(site: Site, page_jobs: PageJobs) -> None:
    from playwright.sync_api import expect

    for _ in range(3):
        page_jobs.waiting()
    page = site.open("/jobs/")
    page.get_by_label("Choose all on this page").check()
    expect(page.get_by_text("3 ticked:")).to_be_visible()
    page.locator("tbody [name=job]").first.uncheck()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("2 jobs cancelled.")).to_be_visible()
    assert Job.objects.filter(status=Status.CANCELLED).count() == 2


def test_an_open_list_shows_the_new_statuses_of_its_jobs(site: Site, page_jobs: PageJobs) -> None:
    from playwright.sync_api import expect

    job, claim = page_jobs.running()
    page = site.open("/jobs/")
    page.locator("tbody [name=job]").check()
    page_jobs.end(claim)
    row = page.locator(f"#row-{job.id.hex}")
    expect(row).to_contain_text("done", timeout=15_000)
    expect(row.locator("[name=job]")).to_be_checked()
    expect(page.locator("#live[hx-get]")).to_have_count(0)
