"""The commands of the page on the results feed, in a shell: print, stop, go on."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.consumers import Consumers
from tests.factories import end, record, take
from tests.subprocesses import ROOT
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(os.name == "nt", reason="the commands are of a POSIX shell"),
]
PAGE = (ROOT / "jobs" / "docs" / "results.md").read_text("utf-8")


def run_until(command: str, consumers: Consumers, folder: Path, count: int) -> list[dict[str, str]]:
    """Run a command until it has printed so many lines in all, and press Ctrl-C."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    command = command.replace("python ", f"{sys.executable} ")
    command = command.replace("manage.py", str(ROOT / "manage.py"))
    results = folder / "results.ndjson"
    with subprocess.Popen(
        [bash, "-c", f"exec {command}"],
        cwd=folder,
        env=consumers.environment(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            wait_until(
                lambda: results.exists() and results.read_bytes().count(b"\n") >= count,
                what=f"{count} lines of {command}",
            )
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    return [json.loads(line) for line in results.read_text("utf-8").splitlines()]


def ended(count: int) -> list[str]:
    """Let so many jobs end; return their ids."""
    for _ in range(count):
        record()
    return [str(claim.id) for claim in take(limit=count) if end(claim)]


def test_the_output_goes_on_behind_its_last_line(consumers: Consumers, tmp_path: Path) -> None:
    begin, go_on = re.findall(r"^```console\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
    expected = ended(3)
    run_until(begin, consumers, tmp_path, 3)
    expected += ended(2)
    lines = run_until(go_on, consumers, tmp_path, 5)
    assert [line["id"] for line in lines] == expected
