"""A dispatcher, a queue, workers and an output: four programs that start and stop by themselves.

The dispatcher submits a job for each address, the queue is the database, consumers work, and
``results --follow`` prints. Each of the three is ended in the middle and started again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from jobs.models import Job
from tests.consumers import Consumers
from tests.subprocesses import ROOT, RunningProcess
from tests.waiting import wait_until

pytestmark = pytest.mark.processes

ADDRESSES = 1_500
DISPATCHER = """
from tests.testapp import tasks
for start in range({first}, {last}, 250):
    tasks.square.enqueue_many([{{"n": n}} for n in range(start, min(start + 250, {last}))])
"""


def dispatch(consumers: Consumers, first: int, last: int) -> None:
    """Run a dispatcher for these addresses to its end."""
    code = DISPATCHER.format(first=first, last=last)
    subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "shell", "-c", code],
        env=consumers.environment(),
        cwd=ROOT,
        check=True,
        timeout=120,
        capture_output=True,
    )


class Output:
    """The program that prints, into a file that outlives it."""

    def __init__(self, consumers: Consumers, path: Path) -> None:
        self._consumers = consumers
        self._path = path
        self._process: subprocess.Popen[bytes] | None = None

    def lines(self) -> list[dict[str, Any]]:
        """What was printed whole."""
        whole = self._path.read_bytes().rpartition(b"\n")[0] if self._path.exists() else b""
        return [json.loads(line) for line in whole.split(b"\n") if line]

    def start(self) -> None:
        """Go on behind the last whole line."""
        lines = self.lines()
        after = ["--after", lines[-1]["cursor"]] if lines else []
        if self._path.exists():
            text = self._path.read_bytes()
            self._path.write_bytes(text[: text.rfind(b"\n") + 1])  # a line that was cut off
        with self._path.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "results", "--follow", *after],
                env=self._consumers.environment(),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                start_new_session=True,
            )

    def wait(self, count: int) -> None:
        """Wait for so many lines."""
        wait_until(lambda: len(self.lines()) >= count, timeout=120, interval=0.2, what="lines")

    def stop(self, number: int) -> int:
        """End it by a signal; return its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(30)

    def end(self) -> None:
        """Kill it if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(30)


@pytest.mark.skipif(os.name == "nt", reason="ends programs by POSIX signals")
def test_every_result_is_printed_once_whoever_stops_and_starts(
    consumers: Consumers, tmp_path: Path
) -> None:
    output = Output(consumers, tmp_path / "results.ndjson")
    third = ADDRESSES // 3
    try:
        output.start()
        dispatch(consumers, 0, third)  # before there is a worker
        worker = consumers.start("--concurrency", "4")
        output.wait(third // 2)
        assert output.stop(signal.SIGTERM) == 0  # while results come
        dispatch(consumers, third, 2 * third)
        output.start()
        output.wait(third + third // 2)
        output.stop(signal.SIGKILL)
        worker.kill()
        dispatch(consumers, 2 * third, ADDRESSES)  # nobody works, nobody prints
        output.start()
        consumers.start("--concurrency", "4")
        output.wait(ADDRESSES)
        assert output.stop(signal.SIGINT) == 0
    finally:
        output.end()
    lines = output.lines()
    printed = Counter(line["args"]["n"] for line in lines)
    assert printed == Counter(range(ADDRESSES))
    assert all(line["result"] == line["args"]["n"] ** 2 for line in lines)
    ended = Job.objects.order_by("feed_position", "id").values_list("pk", flat=True)
    assert [line["id"] for line in lines] == [str(key) for key in ended]


def test_a_reader_that_goes_away_ends_the_follower(consumers: Consumers, tmp_path: Path) -> None:
    dispatch(consumers, 0, 250)
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
        dispatch(consumers, 250, 500)
        consumers.run_until_idle()
        assert piped.wait(60) == 141
        assert piped.stderr is not None
        assert piped.stderr.read() == b""
