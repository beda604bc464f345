"""The wheel in a project without this repository."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.subprocesses import OWN

pytestmark = pytest.mark.processes

TASKS = """
from jobs import JobContext, job


@job(title="Double")
def double(context: JobContext, n: int) -> int:
    "Twice the number."
    context.log(f"doubling {n}")
    return 2 * n
"""
SETTINGS = """
INSTALLED_APPS += ["jobs", "demo"]
TASKS = {"default": {"BACKEND": "jobs.backend.JobsBackend", "QUEUES": ["default"]}}
ALLOWED_HOSTS = ["testserver"]
"""
URLS = """
from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("", include("jobs.urls"))]
"""
FIND_PLUGIN = """
from importlib.metadata import distribution

for point in distribution("jobdesk").entry_points.select(group="pytest11"):
    print(point.name)
"""
READ_JOB = """
import jobs
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client
from jobs.models import Job

row = Job.objects.get()
client = Client()
client.force_login(User.objects.create_superuser("ada"))
page = client.get(f"/jobs/{row.pk}/")
assert page.status_code == 200, page.status_code
assert finders.find("jobs/jobs.css"), "the style sheet is missing"
print(jobs.__file__, row.status, row.result, "Double" in page.content.decode())
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command in a clean environment; return its output."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(OWN)}
    env["PYTHONUTF8"] = "1"
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build_wheel(project_root: Path, folder: Path) -> Path:
    """Build the wheel into a folder and return its path."""
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
    run(*build, folder, project_root, cwd=folder)
    return next(folder.glob("jobdesk-*.whl"))


def make_site(python: Path, folder: Path) -> Path:
    """Return the folder of a new project with one task and the tables."""
    run(python, "-m", "django", "startproject", "fresh", cwd=folder)
    site = folder / "fresh"
    (site / "demo").mkdir()
    (site / "demo" / "__init__.py").touch()
    (site / "demo" / "tasks.py").write_text(TASKS, encoding="utf-8")
    (site / "fresh" / "urls.py").write_text(URLS, encoding="utf-8")
    with (site / "fresh" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(SETTINGS)
    run(python, "manage.py", "migrate", cwd=site)
    return site


@pytest.fixture(scope="module")
def wheel(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the backend that pyproject.toml names."""
    return build_wheel(project_root, tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def python(wheel: Path, tmp_path: Path) -> Path:
    """A Python with the wheel; its dependencies are those of this Python."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(python, "-c", code, cwd=tmp_path).strip())
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python


def test_the_wheel_is_the_app_with_its_pages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "jobs/templates/jobs/base.html" in names
    assert "jobs/static/jobs/jobs.css" in names
    assert "jobs/py.typed" in names
    assert "jobs/migrations/0001_initial.py" in names
    rooms = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert rooms == {"jobs"}
    assert not [name for name in names if "__pycache__" in name]


def test_pytest_finds_the_plugin_in_the_wheel(python: Path, tmp_path: Path) -> None:
    listed = run(python, "-m", "pytest", "--fixtures", "-p", "no:cacheprovider", cwd=tmp_path)
    assert "jobs_data_dir -- " in listed
    assert "jobs_queue -- " in listed
    found = run(python, "-c", FIND_PLUGIN, cwd=tmp_path).split()
    assert found == ["jobs.testing.pytest_plugin"]


def test_a_fresh_project_declares_a_task_and_runs_it(python: Path, tmp_path: Path) -> None:
    site = make_site(python, tmp_path)
    run(python, "manage.py", "makemigrations", "--check", cwd=site)
    code = "from demo.tasks import double; double.enqueue(n=21)"
    run(python, "manage.py", "shell", "-c", code, cwd=site)
    run(python, "manage.py", "runconsumers", "--until-idle", cwd=site)

    where, *found = run(python, "manage.py", "shell", "-c", READ_JOB, cwd=site).split()[-4:]
    assert found == ["succeeded", "42", "True"]
    assert Path(where).is_relative_to(tmp_path / "venv")
