"""The site on Windows, in a folder with a long path: used, with files that others hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.accesslog_maker import Recipe, make_log
from tests.windows.python import Agent
from tests.windows.site import WindowsSite

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PATIENCE = 120_000


@pytest.mark.browser
def test_from_the_form_to_the_result_in_the_browser(
    site: WindowsSite, browser: Browser, tmp_path: Path
) -> None:
    log = tmp_path / "журнал 100%.log.gz"
    expected = make_log(log, Recipe(lines=2000, gzipped=True))
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(site.link[0].removeprefix("Open "))
    page.get_by_role("link", name="Analyse an access log").first.click()
    page.locator("input[type=file]").set_input_files(log)
    page.get_by_role("button", name="Hand in").click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}/"))
    job = site.wait_for(page.url.rstrip("/").rpartition("/")[2])
    assert job["status"] == "succeeded", job
    page.reload()
    text = page.locator("main").inner_text()
    assert log.name in text
    assert str(expected.requests) in re.sub(r"[,\u202f]", "", text)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").first.click()
    assert waiting.value.path().stat().st_size > 100
    page.close()


@pytest.mark.parametrize(
    ("name", "kept"), [("CON.txt", "_CON.txt"), ("a<b>:c. ", "a_b__c"), ("ä作業.bin", "ä作業.bin")]
)
def test_an_upload_and_what_a_task_keeps_of_it(site: WindowsSite, name: str, kept: str) -> None:
    """Also names that Windows refuses, and a read-only file that the task leaves behind."""
    sent = bytes(range(256)) * 1000
    status, upload, _ = site.call("POST", "uploads?name=aux.%20%E4%BD%9C", sent)
    assert status == 201
    job = site.wait_for(site.submit("copy", file={"upload": upload["id"]}, name=name))
    assert job["result"] == kept
    (artifact,) = job["artifacts"]
    path = artifact["url"].partition("/api/v1/")[2]
    assert site.call("GET", path)[1] == sent
    assert not list((site.data / "tmp").glob(f"{job['id'].replace('-', '')}*"))


def test_a_file_that_another_program_holds_is_deleted_later(
    site: WindowsSite, agent: Agent
) -> None:
    """As a virus scanner, a backup or an indexer holds it; another one is read-only."""
    held, read_only, plain = (upload_file(site) for _ in range(3))
    agent.call("hold", held)
    agent.call("make_read_only", read_only)
    site.sql("UPDATE jobs_upload SET created_at = '2001-01-01 00:00:00'")
    agent.call("make_old", held)
    code, said = site.manage("prune")
    assert code == 0, said
    assert "Traceback" not in said
    assert f"The file uploads/{held.parent.name}/{held.name} could not be deleted" in said
    assert [agent.call("exists", one) for one in (held, read_only, plain)] == [True, False, False]
    agent.call("let_go", held)
    code, said = site.manage("prune")
    assert "and 1 stray file." in said
    assert not agent.call("exists", held)


def upload_file(site: WindowsSite) -> Path:
    """Upload something; return its file."""
    status, upload, _ = site.call("POST", "uploads?name=x", b"content")
    assert status == 201
    key = upload["id"].replace("-", "")
    file: Path = site.data / "files" / "uploads" / key[:6] / key
    assert file.exists()
    return file
