"""The form of a task in a browser: files, times, mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import LazySettings

from jobs.models import Job, Upload
from tests.browser.conftest import Site
from tests.integration.page_jobs import PageJobs
from tests.integration.page_tasks import FILES, KINDS, PLAIN

if TYPE_CHECKING:
    from playwright.sync_api import Page

Watch = Callable[["Page", str], list[str]]

DROP = """
(drop, [name, text]) => {
    const files = new DataTransfer();
    files.items.add(new File([text], name));
    for (const type of ['dragenter', 'dragover', 'drop'])
        drop.dispatchEvent(
            new DragEvent(type, {dataTransfer: files, bubbles: true, cancelable: true}));
}
"""

NAMELESS = """
form => [...form.elements]
    .filter(control => control.matches('input:not([type=hidden]), select, textarea'))
    .filter(control => !control.labels?.length)
    .map(control => control.name)
"""
UNEXPLAINED = """
controls => {
    const says = element => (element?.getAttribute('aria-describedby') || '').split(' ')
        .some(id => document.getElementById(id)?.querySelector('.error'));
    return controls.filter(control => !says(control) && !says(control.closest('fieldset')))
        .map(control => control.name);
}
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_bytes(b"GET / 200\n" * 300_000)
    return path


def form_at(name: str) -> str:
    return f"/tasks/{name}/"


def hand_in(page: Page) -> None:
    page.get_by_role("button", name="Hand in").click()


def test_a_file_is_sent_at_once_and_submitted_by_reference(
    site: Site, log: Path, saw: Watch
) -> None:
    from playwright.sync_api import expect

    page = site.open(form_at(FILES))
    sent = saw(page, "/api/v1/uploads")
    field = page.locator('[data-field="log"]')
    field.locator("input[type=file]").set_input_files(log)
    expect(field.locator(".held")).to_contain_text("access.log 3.0 MB")
    expect(field.locator("input[type=hidden]")).to_have_count(1)
    expect(page.locator("#say")).to_have_text("access.log is uploaded")
    hand_in(page)
    page.wait_for_url("**/jobs/*/")
    expect(page.locator("h1")).to_have_text("Read files")
    expect(page.get_by_role("link", name="access.log")).to_be_visible()
    assert sent == ["POST 201"]
    upload = Upload.objects.get()
    assert (upload.name, upload.size) == ("access.log", 3_000_000)
    assert Job.objects.get().kwargs["log"] == {"upload": str(upload.pk)}


def test_the_bar_moves_and_submitting_waits_for_the_upload(site: Site, log: Path) -> None:
    from playwright.sync_api import expect

    page = site.open(form_at(FILES))
    field = page.locator('[data-field="log"]')
    held_back: list[Any] = []
    page.route("**/api/v1/uploads*", lambda route: held_back.append(route))  # noqa: PLW0108
    field.locator("input[type=file]").set_input_files(log)
    expect(field.locator("progress")).to_be_visible()
    hand_in(page)
    expect(page.get_by_role("button", name="Waiting for the upload")).to_be_visible()
    assert not Job.objects.exists()
    held_back[0].continue_()
    page.wait_for_url("**/jobs/*/")
    assert Job.objects.count() == 1


def test_a_file_is_dropped_replaced_and_removed(site: Site) -> None:
    from playwright.sync_api import expect

    page = site.open(form_at(FILES))
    field = page.locator('[data-field="log"]')
    field.locator(".drop").evaluate(DROP, ["first.txt", "1"])
    expect(field.locator("input[type=hidden]")).to_have_count(1)
    field.locator(".drop").evaluate(DROP, ["second.txt", "22"])
    expect(field.locator(".held")).to_have_count(1)
    expect(field.locator(".held")).to_contain_text("second.txt")
    field.get_by_role("button", name="Remove second.txt").click()
    expect(field.locator(".held")).to_have_count(0)
    # Now it is needed again: the browser says so and sends nothing.
    hand_in(page)
    assert field.locator("input[type=file]").evaluate("input => input.validity.valueMissing")
    more = page.locator('[data-field="more"] .drop')
    for name in ("a.txt", "b.txt"):
        more.evaluate(DROP, [name, name])
    expect(more.locator("input[type=hidden]")).to_have_count(2)


def test_a_file_over_the_limit_is_an_error_before_it_is_sent(
    site: Site, log: Path, saw: Watch, settings: LazySettings
) -> None:
    from playwright.sync_api import expect

    settings.JOBS = {**settings.JOBS, "MAX_UPLOAD": 2_000_000}
    page = site.open(form_at(FILES))
    sent = saw(page, "/api/v1/uploads")
    field = page.locator('[data-field="log"]')
    field.locator("input[type=file]").set_input_files(log)
    expect(field.get_by_role("alert")).to_contain_text("over the limit of 2.0 MB")
    assert sent == []
    assert not Upload.objects.exists()


def test_an_upload_that_breaks_off_can_be_tried_again(site: Site, log: Path) -> None:
    from playwright.sync_api import expect

    page = site.open(form_at(FILES))
    field = page.locator('[data-field="log"]')
    page.route("**/api/v1/uploads*", lambda route: route.abort())
    field.locator("input[type=file]").set_input_files(log)
    expect(field.get_by_role("alert")).to_have_text("The upload broke off.")
    page.unroute("**/api/v1/uploads*")
    field.get_by_role("button", name="Try again").click()
    expect(field.locator("input[type=hidden]")).to_have_count(1)
    expect(field.locator(".held")).to_have_count(1)
    site.complaints.clear()


@pytest.mark.parametrize("script", [True, False])
def test_a_mistake_is_shown_at_its_field_and_all_that_was_typed_is_kept(
    site: Site, log: Path, script: bool
) -> None:
    from playwright.sync_api import expect

    page = site.open(form_at(FILES), java_script_enabled=script)
    page.locator('[data-field="log"] input[type=file]').set_input_files(log)
    page.get_by_text("More options").click()
    page.get_by_label("Priority").fill("0")
    page.get_by_label("Unique key").fill("k" * 200)
    if script:
        expect(page.locator('[data-field="log"] input[type=hidden]')).to_have_count(1)
        # Past the browser's own check, as a program would.
        page.locator("#id_option-max_attempts").evaluate(
            "input => { input.removeAttribute('max') }"
        )
    page.get_by_label("Attempts").fill("9" if script else "1")
    page.get_by_label("Not before").fill("2999-01-01T12:00")
    if not script:
        page.get_by_label("Unique key").fill("short")
    hand_in(page)
    if script:
        wrong = page.get_by_label("Attempts")
        expect(wrong).to_have_attribute("aria-invalid", "true")
        expect(wrong).to_be_focused()
        expect(page.get_by_text("You may lower it, not raise it above 3.")).to_be_visible()
        expect(page.locator('[data-field="log"] .held')).to_contain_text("access.log")
        expect(page.get_by_label("Not before")).to_have_value("2999-01-01T12:00")
        wrong.fill("3")
        hand_in(page)
    page.wait_for_url("**/jobs/*/")
    job = Job.objects.get()
    assert Upload.objects.get(pk=job.kwargs["log"]["upload"]).size == 3_000_000


def test_times_are_typed_and_shown_in_the_readers_zone(site: Site, page_jobs: PageJobs) -> None:
    from playwright.sync_api import expect

    page = site.open(form_at(PLAIN) + "?text=x", timezone_id="Asia/Tokyo", locale="en-GB")
    page.get_by_text("More options").click()
    expect(page.get_by_text("In your time (Asia/Tokyo).")).to_be_visible()
    page.get_by_label("Not before").fill("2999-01-01T09:30")
    hand_in(page)
    page.wait_for_url("**/jobs/*/")
    job = Job.objects.get()
    assert job.run_after is not None
    assert job.run_after.isoformat() == "2999-01-01T00:30:00+00:00"
    expect(page.locator("#job-now time")).to_have_text("1 Jan 2999, 09:30")


def test_a_second_click_submits_nothing_more(site: Site, saw: Watch) -> None:
    page = site.open(form_at(PLAIN) + "?text=x")
    sent = saw(page, "/tasks/")
    page.get_by_role("button", name="Hand in").dblclick()
    page.wait_for_url("**/jobs/*/")
    assert Job.objects.count() == 1
    assert sent == ["POST 303"]


def test_each_control_has_a_name_and_each_error_belongs_to_its_control(site: Site) -> None:
    page = site.open(form_at(KINDS))
    page.locator("form.card").evaluate("form => { form.noValidate = true }")
    hand_in(page)
    page.wait_for_url(re.compile(f".*{KINDS}/"))
    assert page.locator("form.card").evaluate(NAMELESS) == []
    assert page.locator("[aria-invalid=true]").evaluate_all(UNEXPLAINED) == []
