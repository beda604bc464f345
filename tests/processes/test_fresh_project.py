"""A project that follows the README sees what its consumer says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.consumers import ROOT
from tests.subprocesses import OWN

pytestmark = pytest.mark.processes

TASKS = """
import logging

from jobs import job

logger = logging.getLogger(__name__)


@job(max_attempts=1)
def fail(n: int) -> int:
    "Log, then fail."
    logger.info("only for the job's log")
    logger.warning("for the console too")
    raise ValueError(f"{n} is no good")
"""
SETTINGS = """
INSTALLED_APPS += ["jobs", "demo"]
TASKS = {"default": {"BACKEND": "jobs.backend.JobsBackend", "QUEUES": ["default"]}}
JOBS = {"DATA_DIR": BASE_DIR / "var"}
DEBUG = False  # with it, Django's own default is to write its records of each task as well
"""
READ_LOG = """
from jobs.models import Job
from jobs.queries import logs
print("".join(logs.chunks(Job.objects.get())))
"""


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command without this repository's settings."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(OWN)}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=env | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A project with a task and a job that waits."""
    run("-m", "django", "startproject", "fresh", cwd=tmp_path)
    site = tmp_path / "fresh"
    (site / "demo").mkdir()
    (site / "demo" / "__init__.py").touch()
    (site / "demo" / "tasks.py").write_text(TASKS, encoding="utf-8")
    with (site / "fresh" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(SETTINGS)
    run("manage.py", "migrate", cwd=site)
    code = "from demo.tasks import fail; fail.enqueue(n=21)"
    run("manage.py", "shell", "-c", code, cwd=site)
    return site


def test_ready_and_errors_reach_the_console(site: Path) -> None:
    done = run("manage.py", "runconsumers", "--until-idle", "--skip-checks", cwd=site)
    assert done.stdout == ""
    ready, *rest = done.stderr.splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d INFO jobs: ready: default, 8 slots",
        ready,
    )
    assert sorted(line.split(" ", 4)[3] for line in rest if line[:2].isdigit()) == [
        "demo.fail",
        "stopped",
    ]
    assert any("failed" in line and "21 is no good" in line for line in rest)
    assert rest.count("for the console too") == 1
    # Of Django's records of tasks, those of the backport have no handler and so end here too.
    assert [line for line in rest if re.search("funboost|nb_log", line)] == []
    log = run("manage.py", "shell", "-c", READ_LOG, cwd=site).stdout
    assert "INFO demo.tasks: only for the job's log" in log
    assert log.count("for the console too") == 1


def test_a_projects_own_logging_is_left_alone(site: Path) -> None:
    with (site / "fresh" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(
            "LOGGING = {'version': 1, 'root': {'level': 'WARNING', 'handlers': ['out']},\n"
            "           'handlers': {'out': {'class': 'logging.StreamHandler'}}}\n"
        )
    done = run("manage.py", "runconsumers", "--until-idle", "--skip-checks", cwd=site)
    lines = done.stderr.splitlines()
    assert lines.count("for the console too") == 1
    assert [line for line in lines if "ready" in line] == []
