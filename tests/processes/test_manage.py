"""What manage.py prints, as a process of its own, when something is missing or wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes


def run_bare(project_root: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of manage.py in a Python that has the standard library alone."""
    (folder / "webapp").mkdir()
    (folder / "jobs" / "brokers" / "funboost").mkdir(parents=True)
    for name in (
        "jobs/brokers/funboost/requirements.txt",
        "manage.py",
        "pyproject.toml",
        "webapp/__init__.py",
        "webapp/bootstrap.py",
        "webapp/install.py",
        "webapp/installers.py",
        "webapp/requirements.py",
        "webapp/virtual_environment.py",
    ):
        shutil.copy(project_root / name, folder / name)
    return subprocess.run(
        [sys.executable, "-S", "manage.py", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        check=False,
    )


def test_other_commands_on_a_bare_python_name_the_first_one(
    project_root: Path, tmp_path: Path
) -> None:
    done = run_bare(project_root, tmp_path, "migrate")
    assert done.returncode == 1
    assert done.stderr.startswith("Django is not installed here. Run `python manage.py up` first")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_setting_that_is_wrong_is_one_sentence(project_root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=project_root,
        capture_output=True,
        text=True,
        env=os.environ
        | {"DATABASE_URL": "mysql://h/db", "DJANGO_SETTINGS_MODULE": "webapp.settings"},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("DATABASE_URL starts with 'mysql'")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["runconsumers", "runconsumers --processes 2", "migrate"])
def test_a_database_that_is_away_is_a_sentence(
    project_root: Path, tmp_path: Path, command: str
) -> None:
    away = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'missing' / 'db.sqlite3'}",
        "JOBS_DATA_DIR": str(tmp_path / "var"),
        "SECRET_KEY": "only-for-this-test-" + "0123456789abcdef" * 3,
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=project_root,
        capture_output=True,
        text=True,
        env=os.environ | away,
        check=False,
        timeout=60,
    )
    assert done.returncode == 69, done.stderr
    assert "unable to open database file" in done.stderr
    assert "whether its server runs." in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_the_last_line_of_the_tests_says_what_was_skipped_and_how_to_run_it(
    project_root: Path,
) -> None:
    unset = {"JOBS_TEST_REQUIRE", "JOBS_TEST_DATA_DIR", "PYTEST_ADDOPTS"}
    arguments = ["test", "-q", "-p", "no:cacheprovider", "tests/processes/test_bare.py"]
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=project_root,
        capture_output=True,
        text=True,
        env={key: value for key, value in os.environ.items() if key not in unset},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert last == "Skipped: install 2 (set JOBS_TEST_REQUIRE=install, it downloads packages)."


def test_a_reader_that_has_gone_is_no_traceback(project_root: Path, tmp_path: Path) -> None:
    """As ``manage.py jobs list | head``."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            [sys.executable, "manage.py", "doctor"],
            cwd=project_root,
            stdout=write_end,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ
            | {"JOBS_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "webapp.settings"}
            | {"PYTHONUNBUFFERED": ""},
            check=False,
        )
    finally:
        os.close(write_end)
    assert (done.returncode, done.stderr) == (141, "")
