"""A test that hangs fails, with the stacks of all threads, and those after it run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.subprocesses import ROOT
from tests.time_limit import LIMITS

HANGS = """
import threading
import pytest

def test_before():
    pass

@pytest.mark.timeout(1)
def test_that_hangs():
    {block}
    threading.Thread(target=another_that_hangs, daemon=True).start()
    threading.Event().wait()

def another_that_hangs():
    threading.Event().wait()

def test_after():
    pass
"""
NEVER_INTERRUPTED = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])"
LIMIT = "from tests import time_limit\ntime_limit.STUCK_SECONDS = 0.5\n"


def run(folder: Path, *arguments: str, block: str = "pass") -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "conftest.py").write_text(LIMIT, encoding="utf-8")
    (folder / "test_it.py").write_text(HANGS.format(block=block), encoding="utf-8")
    options = ["-q", "-p", "tests.time_limit", "-p", "no:cacheprovider", "-p", "no:django"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.parametrize("processes", ["0", "1"])
@pytest.mark.skipif(os.name == "nt", reason="nothing interrupts a thread there")
def test_it_fails_and_the_run_goes_on(tmp_path: Path, processes: str) -> None:
    found = run(tmp_path, "-n", processes)
    assert "1 failed, 2 passed" in found.stdout, found
    assert "It has not ended within 1 s." in found.stdout
    assert "in test_that_hangs" in found.stdout
    assert "in another_that_hangs" in found.stdout


def test_code_that_cannot_be_interrupted_costs_one_process(tmp_path: Path) -> None:
    block = NEVER_INTERRUPTED if hasattr(signal, "pthread_sigmask") else "pass"
    found = run(tmp_path, "-n", "1", block=block)
    assert "1 failed, 2 passed" in found.stdout, found
    assert "crashed while running 'test_it.py::test_that_hangs'" in found.stdout
    assert "in test_that_hangs" in found.stderr
    assert "in another_that_hangs" in found.stderr


@pytest.mark.storm
@pytest.mark.processes
def test_the_longest_limit_of_its_markers_counts(request: pytest.FixtureRequest) -> None:
    given = request.node.get_closest_marker("timeout")
    assert given.args == (LIMITS["storm"],)


def test_every_test_has_a_limit(request: pytest.FixtureRequest) -> None:
    assert float(request.config.getini("timeout")) > 0
