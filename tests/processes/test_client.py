"""``jobs.client`` against a real ``up`` that is killed and started again; its documentation."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from jobs.client import AsyncDesk, Desk, Unavailable
from tests.cut_off import Relay
from tests.ports import free_port
from tests.subprocesses import ROOT, RunningProcess, environment, manage

pytestmark = pytest.mark.processes

COUNT = 400
DOCS = ROOT / "jobs" / "docs" / "client.md"


class Site:
    """A site that keeps its port and its data over its restarts."""

    def __init__(self, folder: Path) -> None:
        self.data, self.port = folder / "var", free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._running = self._start()
        self._running.wait_for(r"^Open ")
        made = subprocess.run(
            [sys.executable, "manage.py", "createtoken", "admin"],
            check=True,
            cwd=ROOT,
            env=environment(self.data),
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.token = made.stdout.strip()

    def _start(self) -> RunningProcess:
        return manage(self.data, "up", "--port", str(self.port))

    def kill(self) -> None:
        """End it as a power cut would, and begin to start it again."""
        self._running.end()
        self._running = self._start()

    def end(self) -> None:
        """End it for good."""
        self._running.end()

    def desk(self, port: int | None = None) -> Desk:
        """A desk that has the patience for a restart."""
        return Desk(f"http://127.0.0.1:{port or self.port}", self.token, retry_for=100)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.end()


def squares(numbers: Any) -> list[str]:
    return [f"{n} * {n} = {n * n}" for n in numbers]


def test_wait_map_and_follow_go_on_when_the_site_was_killed(site: Site) -> None:
    """The consumers die with it: what they ran is lost, and runs again."""
    with site.desk() as desk, ThreadPoolExecutor(3) as pool:
        cursor = desk.latest_cursor()
        later = desk.using(run_after=datetime.now(UTC) + timedelta(seconds=5))
        waiting = pool.submit(later.submit("webapp.square", n=7).result)
        following = pool.submit(lambda: list(islice(desk.follow(cursor), COUNT + 2)))
        mapped = pool.submit(lambda: asyncio.run(mapped_elsewhere(site)))
        results = desk.map("webapp.square", ({"n": n} for n in range(COUNT)), window=50)
        found = list(islice(results, COUNT // 4))
        site.kill()
        found += results
        assert found == squares(range(COUNT))
        assert waiting.result(100) == "7 * 7 = 49"
        assert mapped.result(100) == squares([8])
        ended = Counter(job.args["n"] for job in following.result(100))
    expected = Counter(range(COUNT)) + Counter([7, 8])
    assert ended == expected, "each once"


async def mapped_elsewhere(site: Site) -> list[Any]:
    """A job that ends after the restart, by the asynchronous client."""
    async with AsyncDesk(site.url, site.token, retry_for=100) as desk:
        later = desk.using(run_after=datetime.now(UTC) + timedelta(seconds=5))
        return [one async for one in later.map("webapp.square", [{"n": 8}])]


@pytest.mark.parametrize("after", [0, 40, 200])
def test_an_answer_that_is_cut_off_makes_no_second_job(site: Site, after: int) -> None:
    n = 10_000 + after
    with (
        Relay(site.port, broken=0, after=after, of_answers=True) as relay,
        site.desk(relay.port) as desk,
    ):
        submitted = desk.submit("webapp.square", n=n)
        assert relay.connections == 2, "the first has broken"
        assert submitted.result(timeout=60) == squares([n])[0]
        # A stopped Relay breaks the connection that was kept: the next request takes another.
    with site.desk() as desk:
        jobs = desk.jobs(task="webapp.square", limit=20, include="args")
        assert [job for job in islice(jobs, 20) if job.args["n"] == n] == [submitted]


def test_a_bulk_whose_answer_is_cut_off_makes_no_job_twice(site: Site) -> None:
    numbers = range(20_000, 20_030)
    with (
        Relay(site.port, broken=0, after=700, of_answers=True) as relay,
        site.desk(relay.port) as desk,
    ):
        jobs = list(desk.submit_many("webapp.square", ({"n": n} for n in numbers)))
        assert relay.connections == 2
    with site.desk() as desk:
        found = [job for job in islice(desk.jobs(include="args"), 50) if job.args["n"] in numbers]
    assert Counter(job.args["n"] for job in found) == Counter(numbers)
    assert sorted(job.id for job in found) == [job.id for job in jobs]  # type: ignore[union-attr]


def test_nobody_there(site: Site) -> None:
    nowhere = Desk(f"http://127.0.0.1:{free_port()}", "t", retry_for=0)
    with nowhere as desk, pytest.raises(Unavailable, match="did not answer"):
        desk.tasks()


def test_the_documentation(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == 6
    monkeypatch.setenv("JOBS_URL", site.url)
    monkeypatch.setenv("JOBS_TOKEN", site.token)
    monkeypatch.chdir(tmp_path)
    line = '::1 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 7\n'
    (tmp_path / "access.log").write_text(line, encoding="utf-8")
    made: dict[str, Any] = {}
    printed: list[list[str]] = []
    with Desk() as desk:
        for number, block in enumerate(blocks):
            exec(block, made)
            if number == 1:
                asyncio.run(made["squares"]())
            made["desk"] = desk  # the first block has closed its own
            printed.append(capsys.readouterr().out.splitlines())
    assert printed[0] == squares([7])
    assert printed[1] == squares([7, 0, 1, 2])
    assert printed[2][0].startswith("succeeded ")
    assert printed[2][-2].startswith("{'/args/n': ")
    assert printed[2][-1].startswith("['webapp.square', ")
    assert printed[3]
    assert all((tmp_path / name).stat().st_size for name in printed[3])
    assert printed[4] == squares(range(2500))
    assert len(printed[5]) == 1
    assert made["cursor"]
