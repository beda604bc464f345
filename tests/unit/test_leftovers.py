"""A file that a failed test leaves open is that test's matter alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.subprocesses import ROOT

TESTS = """
import gc
import socket
import pytest

@pytest.fixture
def lent():
    return [open(__file__)]

def test_fails(lent):
    file, pair = open(__file__), socket.socketpair()
    cycle = [file]
    cycle.append(cycle)
    assert not file

def test_after():
    gc.collect()

def test_leaves_a_file_and_passes():
    open(__file__)
"""


def test_only_who_left_it_fails(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    options = ["-q", "-p", "tests.leftovers", "-p", "no:cacheprovider", "-p", "no:django"]
    found = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    failed = [line.split()[1] for line in found.stdout.splitlines() if line.startswith("FAILED")]
    assert failed == ["test_it.py::test_fails", "test_it.py::test_leaves_a_file_and_passes"], found
