"""What an import brings along, and what it leaves as it was, each seen in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

AFTER_FUNBOOST = """
import sys, django
django.setup()
import jobs.brokers.funboost.loader
from jobs.brokers.funboost import stubs
assert "funboost" in sys.modules
for name in stubs.UNUSED:
    assert name not in sys.modules, name
for name, module in list(sys.modules.items()):
    if name.partition(".")[0] not in {"funboost", "nb_log"}:
        assert not stubs._holds_one(module, []), name
import redis
redis.Redis.from_url("redis://127.0.0.1:1")
from apscheduler.schedulers.base import BaseScheduler
assert "cron" in BaseScheduler._trigger_plugins
print("whole")
"""


def test_after_funboost_the_drivers_are_whole(project_root: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AFTER_FUNBOOST],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=60,
        cwd=project_root,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "SECRET_KEY": "x" * 50,
            "JOBS_DATA_DIR": str(tmp_path),
        },
    )
    assert done.stdout.strip() == "whole", done.stderr


def test_importing_jobs_touches_no_models(project_root: Path) -> None:
    code = "import jobs, sys; from jobs import job; print('jobs.models' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=project_root
    )
    assert done.stdout.strip() == "False", done.stderr


MUTED = """
from jobs import job
from tests import settings
settings.LOGGING = {"version": 1}
import django, logging
django.setup()
print(logging.getLogger("jobs").isEnabledFor(logging.ERROR))
"""


def test_settings_that_import_jobs_do_not_mute_it(project_root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MUTED],
        capture_output=True,
        text=True,
        check=False,
        cwd=project_root,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
    )
    assert done.stdout.strip() == "True", done.stderr


GARBAGE = "import gc; print(gc.isenabled(), gc.get_freeze_count() > 100_000)"
CHILD = f"from jobs.consumer.task_process import main; main._set_up_django(); {GARBAGE}"


@pytest.mark.parametrize(
    "arguments",
    [["manage.py", "shell", "--no-imports", "-c", GARBAGE], ["-c", CHILD]],
    ids=["command", "task"],
)
def test_what_imports_have_made_is_not_searched_for_garbage(
    project_root: Path, arguments: list[str]
) -> None:
    """At the end of a command that search would be a quarter of its CPU."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=project_root,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
    )
    assert done.stdout.split() == ["True", "True"], done.stderr
