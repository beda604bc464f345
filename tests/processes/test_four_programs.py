"""A dispatcher, a queue, workers and an output: four programs that start and stop by themselves.

The dispatcher sends the URLs to the site, which puts them into the database; consumers fetch them
from a web server of this machine; ``results --follow`` prints what they have found. Each of the
four is ended in the middle, by kill -9 as well, and started again.

``JOBS_TEST_URLS`` says how many URLs: a million take some minutes and two gigabytes.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from jobs.models import Job, Token
from tests.consumers import Consumers
from tests.factories import make_user
from tests.processes.page_server import PageServer
from tests.processes.programs import Program, SiteProgram
from tests.subprocesses import ROOT, RunningProcess
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = pytest.mark.processes

URLS = int(os.environ.get("JOBS_TEST_URLS", "20000"))
BACKLOG = min(URLS // 4, 100_000)
SECONDS = 120 + URLS / 100
"""The longest wait for something that all URLs may come before."""
DISPATCHER = Path(__file__).parent / "clients" / "dispatcher.py"
WORKERS = ("--processes", "2", "--concurrency", "4")
logger = logging.getLogger(__name__)


class Output(Program):
    """The program that prints, into a file that outlives it."""

    def __init__(self, consumers: Consumers, folder: Path) -> None:
        out = folder / "results.ndjson"
        super().__init__(["manage.py", "results", "--follow"], consumers.environment(), out)
        self._counted, self._read = 0, 0

    def count(self) -> int:
        """How many lines were printed whole."""
        with self.out.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if line.endswith(b"\n"):
                    self._counted, self._read = self._counted + 1, self._read + len(line)
        return self._counted

    def go_on(self) -> None:
        """Start it behind the last whole line, as its documentation says."""
        if not self.count():
            self.start()
            return
        with self.out.open("r+b") as file:
            file.truncate(self._read)  # a line that was cut off
            file.seek(max(0, self._read - 10_000))
            last = file.read().splitlines()[-1]
        self.start("--after", json.loads(last)["cursor"])

    def lines(self) -> Iterator[dict[str, Any]]:
        """What was printed."""
        with self.out.open("rb") as file:
            yield from map(json.loads, file)

    def wait_for(self, count: int) -> None:
        """Wait until so many lines were printed."""
        wait_until(
            lambda: self.count() >= count, timeout=SECONDS, interval=0.1, what=f"{count} lines"
        )


@pytest.mark.timeout(600 + URLS // 100)
def test_every_url_is_printed_once_whoever_stops_and_starts(
    consumers: Consumers, tmp_path: Path
) -> None:
    _, token = Token.objects.issue(make_user())
    limits = {"JOBS_USER_MAX_PER_MINUTE": "0", "JOBS_USER_MAX_UNFINISHED": "0"}
    with ExitStack() as stack:
        pages = stack.enter_context(PageServer())
        site = stack.enter_context(
            SiteProgram(consumers, tmp_path, JOBS_MAX_BACKLOG=str(BACKLOG), **limits)
        )
        state = tmp_path / "next_line.txt"
        dispatcher = stack.enter_context(
            Program(
                [str(DISPATCHER), site.url, pages.url, str(URLS), str(state)],
                consumers.environment(TOKEN=token),
                tmp_path / "dispatcher.out",
            )
        )
        output = stack.enter_context(Output(consumers, tmp_path))

        begin = time.monotonic()
        dispatcher.start()  # before there is a site
        output.go_on()  # before there is a result
        site.start()
        _wait_for_part_of_a_bulk(state, pages)
        dispatcher.kill()
        dispatcher.start()
        wait_until(lambda: "told to wait" in dispatcher.text(), what="there is no room for more")
        worker = consumers.launch(*WORKERS)
        output.wait_for(BACKLOG // 2)
        output.kill()
        _wait_for_part_of_a_bulk(state, pages)
        site.kill()
        output.go_on()
        output.wait_for(BACKLOG)
        worker.kill()
        site.start()
        assert output.interrupt() == 0  # while nobody works
        worker = consumers.launch(*WORKERS)
        wait_until(lambda: _line(state) > 2 * BACKLOG, timeout=SECONDS, what="more dispatched")
        output.go_on()
        output.wait_for(BACKLOG + BACKLOG // 2)
        assert worker.stop() == 0
        consumers.launch(*WORKERS)
        assert dispatcher.wait(SECONDS) == 0, dispatcher.errors()
        output.wait_for(URLS)
        seconds = time.monotonic() - begin
        memory = _peak_megabytes(site.process.pid)
        assert output.interrupt() == 0
        assert site.interrupt() == 0

        _assert_printed_once(output, pages)
    logger.info("%d URLs in %.0f s, the site had %s MB at most", URLS, seconds, memory)
    assert "Traceback" not in site.errors() + output.errors() + dispatcher.errors()


def _wait_for_part_of_a_bulk(state: Path, pages: PageServer) -> None:
    """Wait until jobs are recorded that the dispatcher has not heard of."""

    def is_ahead() -> bool:
        newest = Job.objects.order_by("-id").values_list("kwargs", flat=True).first()
        return newest is not None and pages.number(newest["url"]) >= _line(state)

    wait_until(is_ahead, interval=0.01, timeout=SECONDS, what="a part of a bulk to be recorded")


def _line(state: Path) -> int:
    return int(state.read_text("ascii")) if state.exists() else 1


def _peak_megabytes(pid: int) -> str:
    """What Linux knows of the most memory that a process has had."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return "?"
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return str(int(kilobytes) // 1024)


def _assert_printed_once(output: Output, pages: PageServer) -> None:
    seen = bytearray(URLS + 1)
    ended = Job.objects.order_by("feed_position", "id").values_list("pk", flat=True)
    # As many of the one as of the other, in the same order.
    for line, key in zip(output.lines(), ended.iterator(chunk_size=10_000), strict=True):
        number = pages.number(line["args"]["url"])
        assert line["id"] == str(key)
        assert line["result"] == pages.page(b"/%d" % number)
        seen[number] += 1
    assert seen[0] == 0
    assert set(seen[1:]) == {1}


def test_a_reader_that_goes_away_ends_the_follower(consumers: Consumers) -> None:
    tasks.square.enqueue_many({"n": n} for n in range(250))
    consumers.run_until_idle()
    command = [sys.executable, str(ROOT / "manage.py"), "results", "--follow"]
    with RunningProcess(command, env=consumers.environment()) as follower:
        follower.wait_for('"cursor"')
    with subprocess.Popen(
        command,
        env=consumers.environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as piped:
        assert piped.stdout is not None
        assert piped.stdout.readline()
        piped.stdout.close()
        tasks.square.enqueue_many({"n": n} for n in range(250, 500))
        consumers.run_until_idle()
        assert piped.wait(60) == 141
        assert piped.stderr is not None
        assert piped.stderr.read() == b""
