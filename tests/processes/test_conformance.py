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

from tests.conformance.not_applicable import DJANGO, DJANGO_LEFT_OUT, TASKS_DB
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
TASKS_DB_CHANGES = {
    "from django_tasks_db import DatabaseBackend, compat": "from tests.conformance.tasks_db import"
    " DatabaseBackend, DBTaskResult, exclusive_transaction, run_worker",
    "from django_tasks_db.admin import DBTaskResultAdmin\n": "",
    "from django_tasks_db.models import DBTaskResult, get_date_max\n": "",
    "from django_tasks_db.utils import (": "_ = (",
    "    exclusive_transaction,\n    normalize_uuid,\n)": ")",
    "from django_tasks_db.management.commands.prune_db_task_results import (": "_ = (",
    "    logger as prune_db_tasks_logger,\n": "",
    "from tests import tasks as test_tasks": "from tasks import tasks as test_tasks\n"
    "from tests.conformance.cases import SuiteTestCase",
    '"django_tasks_db.DatabaseBackend"': '"tests.conformance.tasks_db.DatabaseBackend"',
    '            call_command,\n            "db_worker",': "            run_worker,",
    "TestCase(TransactionTestCase):": "TestCase(SuiteTestCase):",
    "This task failed due to ValueError": "This Task failed due to ValueError",  # as Django has it
    "uuid.UUID(result.id).version, 4)": "uuid.UUID(result.id).version, 7)",
}


@pytest.fixture(autouse=True)
def downloads_are_wanted() -> None:
    if "install" not in os.environ.get("JOBS_TEST_REQUIRE", ""):
        pytest.skip("it downloads packages: set JOBS_TEST_REQUIRE=install to run it")


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


@pytest.fixture(scope="module")
def django_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of the Django that is installed."""
    return download(f"django=={django.__version__}", tmp_path_factory.mktemp("django"))


def test_djangos_own_suite(project_root: Path, tmp_path: Path, django_archive: Path) -> None:
    unpack(django_archive, "tests/tasks", tmp_path / "tasks")
    adapt(tmp_path / "tasks", DJANGO_CHANGES)

    passed = run_suite(tmp_path, project_root, DJANGO_MODULES, DJANGO_LEFT_OUT)

    assert len(passed) > 70, "the suite has lost its tests"
    assert {name for name, well in passed.items() if not well} == set(DJANGO)


def test_what_applies_of_django_tasks_db(
    project_root: Path, tmp_path: Path, django_archive: Path
) -> None:
    archive = download("django-tasks-db>=0.13,<0.14", tmp_path / "archive")
    unpack(archive, "tests", tmp_path / "tasks_db")
    adapt(tmp_path / "tasks_db", TASKS_DB_CHANGES)
    unpack(django_archive, "tests/tasks", tmp_path / "tasks")  # it has the same tasks
    names = [
        f"tasks_db.tests.{case}.test_{name}" for case, tests in TASKS_DB.items() for name in tests
    ]

    passed = run_suite(tmp_path, project_root, names, [])

    assert passed == dict.fromkeys(names, True)
