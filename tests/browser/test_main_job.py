"""The main job, as its user does it: a large log through the form, in constant memory.

A real ``up``, a real browser, a log that the test makes; then the admin and a program get the same.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.client import Desk
from tests.accesslog_maker import Expected, Recipe, make_log
from tests.subprocesses import ROOT, RunningProcess, environment, manage
from tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Enough that the page is seen to poll several times while it runs, also on a fast machine.
LINES = 1_200_000
MIB = 1024 * 1024
# The file is over 27 MiB, and 190 MiB when unpacked: whoever held it would be over this.
ROOM = 20 * MIB
PATIENCE = 60_000


@dataclass
class RunningSite:
    """A running site, the log, and what is in the log."""

    running: RunningProcess
    data: Path
    link: str
    log: Path
    expected: Expected

    @property
    def base(self) -> str:
        """The site's address."""
        return self.link.partition("/sign-in/")[0]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """``up`` in a data folder of its own, and a log of more than a million lines."""
    folder = tmp_path_factory.mktemp("main-job")
    log = folder / "access.log.gz"
    recipe = Recipe(lines=LINES, request_time="seconds", malformed_every=1000, gzipped=True)
    expected = make_log(log, recipe)
    assert log.stat().st_size > 27 * MIB
    with manage(folder / "var", "up", "--port", "0") as running:
        link = running.wait_for(r"^Open (http://\S+)").group(1)
        yield RunningSite(running, folder / "var", link, log, expected)
        running.interrupt()
        running.wait()


def _descendants(pid: int) -> list[int]:
    files = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(word) for file in files for word in file.read_text(encoding="utf-8").split()]
    return [pid, *(found for child in children for found in _descendants(child))]


def _peak(pid: int) -> int:
    """The most memory a process ever held, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found.group(1)) * 1024 if found else 0


def _warm_up(site: RunningSite) -> dict[int, int]:
    """Run a small log first; return what each process of ours held at most by then."""
    small = site.log.with_name("small.log")
    make_log(small, Recipe(lines=1000))
    command = [sys.executable, "manage.py", "submit", "webapp.analyse_log", f"log=@{small}"]
    subprocess.run(
        [*command, "--wait"],
        cwd=ROOT,
        env=environment(site.data),
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=120,
    )
    return {pid: _peak(pid) for pid in _descendants(site.running.process.pid)}


def _watch_bar(page: Page) -> list[float]:
    """The bar's values as they are shown, until the job has finished."""
    seen: list[float] = []

    def finished() -> bool:
        bar = page.locator("progress.big")
        for value in bar.evaluate_all("bars => bars.map(bar => bar.value)"):
            if not seen or seen[-1] != value:
                seen.append(value)
        return page.locator(".now .done, .now [class*=succeeded]").count() > 0

    wait_until(finished, timeout=60, interval=0.1, what="the job's end on the page")
    return seen


def test_a_large_log_through_the_form(site: RunningSite, browser: Browser) -> None:
    before = _warm_up(site) if Path("/proc/self/status").exists() else {}
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(site.link)
    page.get_by_role("link", name="Analyse an access log").first.click()
    page.locator("input[type=file]").set_input_files(site.log)
    page.get_by_role("button", name="Hand in").click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}/"))

    values = _watch_bar(page)

    assert len(values) >= 2, "the bar moves"
    assert any(0 < value < 100 for value in values), "while the job runs"
    assert values == sorted(values), "and never back"
    for pid, peak in before.items():
        assert _peak(pid) - peak < ROOM, f"constant memory: {pid} of {before}"
    _look_at_result(page, site)
    _look_at_admin(page, site)
    page.close()
    _ask_as_a_program(site, page.url)


def _look_at_result(page: Page, site: RunningSite) -> None:
    page.reload()
    plot = page.locator("img[src*='requests-per-hour.svg']")
    assert plot.evaluate("image => image.complete && image.naturalWidth > 100")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").first.click()
    assert waiting.value.suggested_filename.endswith((".svg", ".csv"))
    assert waiting.value.path().stat().st_size > 1000
    text = page.locator("main").inner_text()
    path, requests = site.expected.paths.most_common(1)[0]
    assert path in text
    assert str(requests) in text.replace(",", "").replace("\u202f", "")


def _look_at_admin(page: Page, site: RunningSite) -> None:
    page.goto(f"{site.base}/admin/jobs/job/")
    assert page.get_by_text("webapp.analyse_log").count() >= 1
    page.locator("#result_list tbody a").first.click()
    assert "requests_per_hour" in page.locator("#content").inner_text()


def _ask_as_a_program(site: RunningSite, shown: str) -> None:
    """Upload and submit again over HTTP; the result is the same."""
    token = subprocess.run(
        [sys.executable, "manage.py", "createtoken", "admin"],
        cwd=ROOT,
        env=environment(site.data),
        capture_output=True,
        check=True,
        encoding="utf-8",
    ).stdout.strip()
    with Desk(site.base, token) as desk:
        with site.log.open("rb") as log:
            job = desk.submit("webapp.analyse_log", log=log)
        result = job.result(timeout=60)
    assert result["requests"] == site.expected.requests
    assert result["malformed"] == site.expected.malformed
    classes = {row["class"]: row["requests"] for row in result["status_classes"]}
    assert classes == site.expected.classes()
    names = [artifact.name for artifact in job.artifacts]
    assert names == ["requests-per-hour.csv", "requests-per-hour.svg"]
