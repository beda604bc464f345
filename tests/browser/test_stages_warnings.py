"""Stages and warnings of a job, in a browser while it goes its way."""

from __future__ import annotations

import pytest
from django.db import transaction

from jobs import lifecycle
from jobs.lifecycle import AttemptUpdate, stage_of
from tests.browser.conftest import Site
from tests.integration.page_jobs import PageJobs

LONG = "line 12: " + "no_spaces_in_this_value_" * 12


@pytest.mark.parametrize("width", [1280, 390])
def test_a_job_in_stages_is_done_with_warnings(site: Site, page_jobs: PageJobs, width: int) -> None:
    from playwright.sync_api import expect

    job, claim = page_jobs.running()

    def tell(update: AttemptUpdate) -> None:
        with transaction.atomic():
            lifecycle.write_updates([update])

    page = site.open(f"/jobs/{job.id}/")
    page.set_viewport_size({"width": width, "height": 800})
    stage = stage_of("Checking", 1, 2)
    tell(AttemptUpdate(claim.id, claim.attempt, done=0, message="", stage=stage))
    expect(page.locator("#job-now")).to_contain_text("Stage 1 of 2: Checking")
    expect(page.locator("#job-now progress")).to_have_count(0)

    warnings = [LONG, "line 14: <b>no</b> name"]
    tell(AttemptUpdate(claim.id, claim.attempt, done=1, total=4, message="rows", warnings=warnings))
    expect(page.locator("#job-now progress")).to_have_attribute("value", "25.0")
    expect(page.locator("#job-warnings")).to_contain_text("line 14: <b>no</b> name")
    # What was closed stays closed while the progress goes on.
    page.locator("#job-warnings summary").click()
    tell(AttemptUpdate(claim.id, claim.attempt, done=2, total=4, message="rows"))
    expect(page.locator("#job-now progress")).to_have_attribute("value", "50.0")
    expect(page.locator("#job-warnings details")).not_to_have_attribute("open", "")

    page_jobs.end(claim, result={"imported": 2})
    expect(page.locator("#job-status")).to_contain_text("done with 2 warnings")
    expect(page.locator("#say")).to_have_text("Count words: done with warnings")
    expect(page.locator("#job-warnings li")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    page = site.open("/jobs/")
    page.set_viewport_size({"width": width, "height": 800})
    expect(page.locator("td.state")).to_have_text("done with warnings")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert site.complaints == []
