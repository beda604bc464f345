"""The tests of a project that uses ``jobs.testing`` pass: with pytest, with Django's own runner, on
SQLite and on PostgreSQL (``tests/shop`` is the project)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.brokers.servers import address
from tests.subprocesses import ROOT

pytestmark = pytest.mark.processes

DATABASES = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgres", id="postgres", marks=pytest.mark.postgres),
]
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
ENTRY_POINT = """[pytest11]
jobs.testing.pytest_plugin = jobs.testing.pytest_plugin
"""

EAGER_TEST = """
from shop.tasks import send_invoice
from test_invoices import DUE

{setting}

def test_the_eager_backend(db, jobs_data_dir, settings):
    settings.TASKS = TASKS
{example}
"""


def run(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder with the variables of a clean environment and these."""
    ours = ("DJANGO_", "JOBS_", "PYTEST_", "SHOP_", "SECRET_KEY", "DEBUG")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    paths = os.pathsep.join([str(folder), str(folder / "installed"), str(ROOT)])
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**clean, "PYTHONPATH": paths, "PYTHONUTF8": "1", **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def install(folder: Path) -> None:
    """Make the entry point of Jobdesk's wheel known in this folder, if it is not installed.

    ``test_wheel`` tests that the wheel has it.
    """
    metadata = folder / "installed" / "jobdesk_entry_point-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: jobdesk-entry-point\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINT)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Copy the project to where nothing of this repository's configuration is above it."""
    folder = tmp_path / "shop"
    shutil.copytree(ROOT / "tests" / "shop", folder)
    install(folder)
    return folder


@pytest.fixture
def documented(tmp_path: Path) -> Path:
    """A project made of the blocks of ``jobs/docs/testing.md``."""
    folder = tmp_path / "documented"
    folder.mkdir()
    for name in ("settings.py", "manage.py"):
        shutil.copy(ROOT / "tests" / "shop" / name, folder)
    page = (ROOT / "jobs" / "docs" / "testing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    files = {block.split()[1]: block for block in blocks if block.startswith("# ")}
    setting, example = (block for block in blocks if not block.startswith("# "))
    files["test_eager.py"] = EAGER_TEST.format(
        setting=setting, example=textwrap.indent(example, "    ")
    )
    files["shop/__init__.py"] = ""
    files["pytest.ini"] = "[pytest]\nDJANGO_SETTINGS_MODULE = settings\npython_files = test*.py\n"
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    install(folder)
    return folder


def test_the_examples_of_the_documentation_pass(documented: Path) -> None:
    done = run(documented, *PYTEST)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    done = run(documented, "manage.py", "test", "--noinput", "shop")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ran 1 test" in done.stderr


def variables(database: str) -> dict[str, str]:
    """What tells the project which database its tests use."""
    if database == "sqlite":
        return {}
    return {"SHOP_POSTGRES": address("postgres"), "SHOP_DATABASE": f"shop_{os.getpid()}"}


@pytest.mark.parametrize("database", DATABASES)
def test_a_projects_tests_pass_with_pytest(shop: Path, database: str) -> None:
    done = run(shop, *PYTEST, **variables(database))
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 90
    assert not (shop / "var").exists()


def test_a_projects_tests_pass_with_django(shop: Path) -> None:
    done = run(shop, "manage.py", "test", "--noinput")
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"Ran (\d+) tests", done.stderr)[0]) > 80
    assert not (shop / "var").exists()


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A project without Django."""
    install(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (tmp_path / "test_bare.py").write_text(
        "import sys\n\n"
        "def test_nothing_of_django_is_loaded():\n"
        "    loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "    assert 'jobs' in loaded\n"
        "    assert 'django' not in loaded\n"
        "    assert 'funboost' not in loaded\n"
    )
    return tmp_path


def test_a_project_without_django_is_left_alone(bare: Path) -> None:
    done = run(bare, *PYTEST, "-p", "no:django")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("words", [["-p", "jobs.testing.pytest_plugin"], []])
def test_the_plugin_is_loaded_once_wherever_it_is_named(bare: Path, words: list[str]) -> None:
    (bare / "conftest.py").write_text('pytest_plugins = ["jobs.testing.pytest_plugin"]\n')
    done = run(bare, *PYTEST, "-p", "no:django", *words)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_fixture_says_that_django_is_not_configured(bare: Path) -> None:
    (bare / "test_bare.py").write_text("def test_it(jobs_data_dir):\n    pass\n")
    done = run(bare, *PYTEST, "-p", "no:django")
    assert done.returncode == 1
    assert "DJANGO_SETTINGS_MODULE" in done.stdout
