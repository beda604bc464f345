"""The site on Windows, in a folder with a long path that is not plain: used and disturbed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.accesslog_maker import Recipe, make_log
from tests.waiting import wait_until
from tests.windows.python import Agent, path_there
from tests.windows.site import OPEN, WindowsSite

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PATIENCE = 120_000
SECONDS = 120.0


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


def test_what_a_killed_consumer_held_runs_again_and_nothing_is_left(
    site: WindowsSite, agent: Agent, tmp_path: Path
) -> None:
    gate = tmp_path / "go on"
    jobs = [site.submit(task, until=path_there(gate)) for task in ("work", "start_programs")]
    for job in jobs:
        site.wait_for_effect(job, 1, "begin")
    (pid,) = site.consumer_pids()
    # The consumer, its child, the program of the task and that one's.
    family = wait_for_family(agent, pid, 4)
    agent.call("kill", pid)
    wait_until(lambda: not living(agent, family), timeout=SECONDS, what="the end of its processes")
    for job in jobs:
        site.wait_for_effect(job, 2, "begin")
    gate.touch()
    for job in jobs:
        assert site.wait_for(job)["status"] == "succeeded"
        assert site.effects(job) == [(1, "begin"), (2, "begin"), (2, "end")]
    assert re.search(r"The consumers ended \(.+\)\. They start again in ", site.up.output())


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


def test_two_on_one_folder(site: WindowsSite, agent: Agent) -> None:
    """Both serve and consume; the one that is left goes on."""
    (first,) = site.consumer_pids()
    other = site.start()
    try:
        link = other.wait_for(OPEN, timeout=SECONDS)
        assert link[1] != site.base
        assert "password" not in other.output()
        assert len(site.consumer_pids()) == 2
        jobs = [site.submit("compute", seconds=0.2) for _ in range(6)]
        for job in jobs:
            assert site.wait_for(job)["status"] == "succeeded"
            assert site.effects(job) == [(1, "begin"), (1, "end")]
        assert site.interrupt(other) == 0
    finally:
        other.end()
    assert "Traceback" not in other.output()
    assert site.consumer_pids() == {first}
    assert site.wait_for(site.submit("work"))["status"] == "succeeded"


def test_a_killed_up_leaves_nothing_behind_and_the_next_goes_on(
    site: WindowsSite, agent: Agent, tmp_path: Path
) -> None:
    gate = tmp_path / "go on"
    job = site.submit("start_programs", until=path_there(gate))
    site.wait_for_effect(job, 1, "begin")
    family = wait_for_family(agent, site.pid, 5)
    agent.call("kill", site.pid)
    wait_until(lambda: not living(agent, family), timeout=SECONDS, what="the end of its processes")
    gate.touch()
    site.start_again()
    assert "password" not in site.up.output()
    assert site.wait_for(job)["status"] == "succeeded"
    assert site.effects(job) == [(1, "begin"), (2, "begin"), (2, "end")]


def test_ctrl_c_lets_what_runs_end_and_leaves_nothing_behind(
    site: WindowsSite, agent: Agent
) -> None:
    family = agent.call("descendants", site.pid)
    job = site.submit("work", seconds=2.0)
    site.wait_for_effect(job, 1, "begin")
    assert site.interrupt(site.up) == 0, site.up.output()
    assert "Traceback" not in site.up.output()
    assert not living(agent, family)
    assert site.effects(job) == [(1, "begin"), (1, "end")]
    site.start_again()
    assert site.job(job)["status"] == "succeeded"


def wait_for_family(agent: Agent, pid: int, count: int) -> list[int]:
    """Wait until a process and those that it has started are so many; return them."""

    def look() -> list[int] | None:
        found: list[int] = agent.call("descendants", pid)
        return found if len(found) >= count else None

    return wait_until(look, timeout=SECONDS, interval=0.1, what=f"{count} processes")


def living(agent: Agent, pids: list[int]) -> set[int]:
    """Return those of the processes that live."""
    return set(pids) & {int(pid) for pid in agent.call("processes")}


def upload_file(site: WindowsSite) -> Path:
    """Upload something; return its file."""
    status, upload, _ = site.call("POST", "uploads?name=x", b"content")
    assert status == 201
    key = upload["id"].replace("-", "")
    file: Path = site.data / "files" / "uploads" / key[:6] / key
    assert file.exists()
    return file
