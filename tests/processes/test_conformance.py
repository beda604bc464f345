"""Django's own tests of its tasks framework, and those of django-tasks-db, against our backend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import django
import pytest

from tests.conformance.not_applicable import DJANGO, DJANGO_LEFT_OUT
from tests.conformance.sources import adapt, download, unpack

pytestmark = [
    pytest.mark.processes,
    *([pytest.mark.install] if django.VERSION >= (6, 1) else []),
    pytest.mark.skipif(django.VERSION < (6, 1), reason="Django 6.1 has these tests"),
]

BACKENDS = "tests.conformance.backends"
DJANGO_MODULES = [f"tasks.test_{name}" for name in ("tasks", "dummy_backend", "immediate_backend")]
DJANGO_CHANGES = {
    "from django.tasks.backends.dummy import DummyBackend": f"from {BACKENDS} import"
    " StoringBackend as DummyBackend",
    "from django.tasks.backends.immediate import ImmediateBackend": f"from {BACKENDS} import"
    " ConsumedBackend as ImmediateBackend",
    "django.tasks.backends.dummy.DummyBackend": f"{BACKENDS}.StoringBackend",
    "django.tasks.backends.immediate.ImmediateBackend": f"{BACKENDS}.ConsumedBackend",
    # Our backend has a database.
    "from django.test import SimpleTestCase": "from tests.conformance.cases import SuiteTestCase"
    " as SimpleTestCase\nfrom django.test import SimpleTestCase as _",
    "(TransactionTestCase):": "(SimpleTestCase):",
    "    available_apps = []\n": "",
}


def run_suite(
    folder: Path, root: Path, names: Iterable[str], left_out: Iterable[str]
) -> dict[str, bool]:
    """Run tests in a process of their own; return whether each passed, by its id."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.conformance.settings",
        "JOBS_TEST_DATA_DIR": str(folder / "var"),
        "PYTHONPATH": str(root),
    }
    (folder / "var").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.conformance.run", str(folder), *names],
        input="\n".join(left_out),
        env=environment,
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    print(done.stderr)  # noqa: T201  (for who reads a failure)
    assert done.returncode == 0, done.stderr
    found: dict[str, bool] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_djangos_own_suite(project_root: Path, tmp_path: Path) -> None:
    archive = download(f"django=={django.__version__}", tmp_path / "archive")
    unpack(archive, "tests/tasks", tmp_path / "tasks")
    adapt(tmp_path / "tasks", DJANGO_CHANGES)

    passed = run_suite(tmp_path, project_root, DJANGO_MODULES, DJANGO_LEFT_OUT)

    assert len(passed) > 70, "the suite has lost its tests"
    assert {name for name, well in passed.items() if not well} == set(DJANGO)
