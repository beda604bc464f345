"""The README's two commands on a Python without packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.opened import open_url
from tests.subprocesses import RunningProcess, environment

pytestmark = [pytest.mark.processes, pytest.mark.install]
NOT_COPIED = (".git", ".venv", "var", "__pycache__", ".*_cache", ".hypothesis", "dist")


@pytest.fixture
def clone(project_root: Path, tmp_path: Path) -> Path:
    """A copy of the project as it is cloned, into a folder whose name is not plain."""
    ignore = shutil.ignore_patterns(*NOT_COPIED)
    return Path(shutil.copytree(project_root, tmp_path / "Proj\u00e9t clon\u00e9", ignore=ignore))


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """A Python without packages and without pip."""
    if "install" not in os.environ.get("JOBS_TEST_REQUIRE", ""):
        pytest.skip("it downloads packages: set JOBS_TEST_REQUIRE=install to run it")
    folder = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _site_packages(clone: Path) -> Path:
    return next((clone / ".venv").rglob("site-packages"))


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_both_commands_work_from_nothing(
    bare_python: Path, clone: Path, tmp_path: Path, installer: str
) -> None:
    (tmp_path / "versions.txt").touch()
    # A setting that uv does not know: then pip installs.
    forced = {"PIP_CONSTRAINT": str(tmp_path / "versions.txt")} if installer == "pip" else {}
    env = environment(tmp_path / "data", **forced)
    up = RunningProcess([str(bare_python), "manage.py", "up", "--port", "0"], env=env, cwd=clone)
    try:
        link = up.wait_for(r"^Open (http://\S+)$", timeout=600)
        installed = [line for line in up.lines if "into .venv" in line]
        assert len(installed) == 1
        assert ("10 20" if installer == "pip" else "packages, funboost, ") in installed[0]
        with open_url(link[1], timeout=60) as page:
            assert page.status == 200
        packages = {path.name for path in _site_packages(clone).iterdir()}
        assert "funboost" in packages
        assert not {"tests", "nb_libs", "pymongo", "cryptography"} & packages
        up.interrupt()
        assert up.wait(30) == 0, up.output()
    finally:
        up.end()

    if installer == "pip":
        return  # the second command goes the same way
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
