"""The page of the API in a browser: a call is tried with one's own session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from jobs.models import Job
from tests.browser.conftest import Site
from tests.integration.page_tasks import PLAIN

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_a_call_is_tried_as_oneself(site: Site, saw: Callable[[Page, str], list[str]]) -> None:
    """A POST of a session needs the CSRF token; what does not fit is shown as well."""
    page = site.open("/")
    page.get_by_role("link", name="API").first.click()
    sent = saw(page, "/api/v1/tasks/")
    call = page.locator(f'article[id="task-{PLAIN}"]')
    call.get_by_text("Try it").click()
    assert "as ada" in call.inner_text()
    shown = call.get_by_role("status")
    call.get_by_role("button", name="Send POST").click()
    shown.get_by_text("202").wait_for()
    made = Job.objects.get()
    assert (made.task, made.owner) == (PLAIN, site.user)
    assert f'"id": "{made.pk}"' in shown.inner_text(), "as JSON of several lines"

    call.get_by_label("Body").fill('{"no_such_argument": 7}')
    call.get_by_role("button", name="Send POST").click()
    shown.get_by_text("422").wait_for()
    assert '"pointer": "/no_such_argument"' in shown.inner_text()
    assert sent == ["POST 202", "POST 422"]
    assert Job.objects.count() == 1

    read = page.locator("article#getJob")
    read.get_by_text("Try it").click()
    address = read.get_by_label("Address")
    address.fill(address.input_value().replace("{id}", str(made.pk)))
    read.get_by_role("button", name="Send GET").click()
    read.get_by_role("status").get_by_text("200").wait_for()
    assert f'"task": "{PLAIN}"' in read.get_by_role("status").inner_text()


def test_a_stranger_is_offered_no_call(site: Site) -> None:
    page = site.open("/api/v1/docs")
    page.context.clear_cookies()
    page.reload()
    assert page.get_by_text("Try it").count() == 0
    assert page.locator("article#getJob").count() == 1
