"""The README's two commands on a Python without packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.subprocesses import RunningProcess, environment

pytestmark = [pytest.mark.processes, pytest.mark.install]
NOT_COPIED = (".git", ".venv", "var", "__pycache__", ".*_cache", ".hypothesis", "dist")


@pytest.fixture
def clone(project_root: Path, tmp_path: Path) -> Path:
    """A copy of the project as it is cloned."""
    ignore = shutil.ignore_patterns(*NOT_COPIED)
    return Path(shutil.copytree(project_root, tmp_path / "clone", ignore=ignore))


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """A Python without packages and without pip."""
    if "install" not in os.environ.get("JOBS_TEST_REQUIRE", ""):
        pytest.skip("it downloads packages: set JOBS_TEST_REQUIRE=install to run it")
    folder = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def test_both_commands_work_from_nothing(bare_python: Path, clone: Path, tmp_path: Path) -> None:
    # So that pip does not compile what it installs. (A zero sets its options that begin with "no".)
    env = environment(tmp_path / "data", PIP_NO_COMPILE="0")
    up = RunningProcess([str(bare_python), "manage.py", "up", "--port", "0"], env=env, cwd=clone)
    try:
        link = up.wait_for(r"^Open (http://\S+)$", timeout=600)
        installed = [line for line in up.lines if "into .venv" in line]
        assert len(installed) == 1
        assert "10 20 30" in installed[0]
        with urllib.request.urlopen(link[1], timeout=60) as page:
            assert page.status == 200
        up.interrupt()
        assert up.wait(30) == 0, up.output()
    finally:
        up.end()

    # The second command completes what the first installed; its exit code is pytest's.
    arguments = ["test", "-q", "-p", "no:cacheprovider", "tests/unit/test_env.py"]
    tests = RunningProcess([str(bare_python), "manage.py", *arguments], env=env, cwd=clone)
    try:
        tests.wait_for(r"\d+ passed", timeout=600)
        assert tests.wait() == 0, tests.output()
        assert tests.lines[-1].startswith("Skipped: ")
    finally:
        tests.end()
    other = RunningProcess([str(bare_python), "manage.py", "check"], env=env, cwd=clone)
    try:
        assert other.wait() == 0, other.output()
        assert len(other.lines) == 1
    finally:
        other.end()
