"""The wheel with its dependencies from a package index: alone, and in other people's projects."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from jobs.brokers.funboost import installed
from tests.processes.test_wheel import build_wheel, make_site, run
from webapp.installers import find_pip

pytestmark = [pytest.mark.processes, pytest.mark.install]

THEIRS = """
azure-identity boto3 celery cryptography deprecated django django-allauth django-ninja django-redis
djangorestframework google-cloud-storage opentelemetry-instrumentation-django opentelemetry-sdk
pandas portalocker pymongo pytest-django python-json-logger redis requests sentry-sdk setuptools
sqlalchemy urllib3 wagtail wrapt
""".split()
"""What real projects have."""
CONFLICTS = {"deprecated", "portalocker", "wrapt", "redis", "urllib3", "python-json-logger"}
"""Of them, what funboost's tree requires too, some in old versions only."""

ENQUEUE = "from demo.tasks import double; double.enqueue(n=21)"
ENDED = "from jobs.models import Job; print(*Job.objects.values_list('result', flat=True))"
THREADS = """
from django.utils import timezone
from jobs.management.doctor.environment import threads
print(*threads(timezone.now()))
"""
INSTALLED = """
import json
from importlib import metadata
print(json.dumps([sorted({one.name for one in metadata.distributions()} - {"pip", "setuptools"}),
                  sorted(metadata.packages_distributions())]))
"""


@pytest.fixture(scope="module")
def wheel(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as it is published."""
    if "install" not in os.environ.get("JOBS_TEST_REQUIRE", ""):
        pytest.skip("it downloads packages: set JOBS_TEST_REQUIRE=install to run it")
    return build_wheel(project_root, tmp_path_factory.mktemp("wheel"))


def resolve(lines: Iterable[str], folder: Path) -> list[str]:
    """Return the versions that uv chooses, as ``name==version``."""
    (folder / "asked.txt").write_text("\n".join(lines), encoding="utf-8")
    options = ["--quiet", "--no-header", "--no-annotate", "asked.txt"]
    found = run(sys.executable, "-m", "uv", "pip", "compile", *options, cwd=folder).splitlines()
    return [line for line in found if "==" in line]


def test_it_fits_beside_the_newest_packages_of_a_project(wheel: Path, tmp_path: Path) -> None:
    theirs = resolve(THEIRS, tmp_path)
    assert len(theirs) > len(THEIRS)
    # funboost's list is installed without looking at the others: they must not mind.
    public = [line for line in installed.requirements() if "==" not in line]

    ours = resolve([*theirs, wheel.as_uri(), *public], tmp_path)

    assert set(theirs) <= set(ours)
    # pip resolves in its own way; it loads what it resolves, so only what came into conflict.
    few = [line for line in theirs if line.partition("==")[0] in CONFLICTS]
    assert len(few) == len(CONFLICTS)
    pip = find_pip(Path(sys.executable))
    assert pip is not None
    run(*pip, "install", "--dry-run", "--ignore-installed", *few, wheel, *public, cwd=tmp_path)


def test_uv_leaves_out_what_the_documentation_says(
    wheel: Path, project_root: Path, tmp_path: Path
) -> None:
    text = (project_root / "jobs" / "docs" / "installation.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.+?)```", text, re.DOTALL)
    needed = ["jobdesk[funboost]", "deprecated>=1.3", "portalocker>=3", "redis>=8"]
    project = '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n'
    project += f"dependencies = {needed}\n{block}[tool.uv.sources]\n"
    project += f"jobdesk = {{ path = {wheel.as_posix()!r} }}\n"
    (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")

    run(sys.executable, "-m", "uv", "lock", "--python", sys.executable, cwd=tmp_path)

    lock = tomllib.loads((tmp_path / "uv.lock").read_text(encoding="utf-8"))
    names = {package["name"] for package in lock["package"]}
    listed = {re.split("[=<]", line)[0].replace("_", "-") for line in installed.requirements()}
    assert listed <= names
    assert not {"nb-libs", "pymongo", "cryptography", "setuptools"} & names
    assert (f"{installed.install_command()}\n") in text


def test_one_command_installs_what_runs_jobs_and_another_adds_funboost(
    wheel: Path, tmp_path: Path
) -> None:
    python = _install(wheel, tmp_path)
    site = make_site(python, tmp_path)
    distributions, packages = json.loads(run(python, "-c", INSTALLED, cwd=tmp_path))
    assert len(distributions) <= 16, distributions
    assert not {"funboost", "tests", "redis", "cryptography"} & set(packages)
    assert _results_of_another_job(python, site) == "42"
    told = run(python, "manage.py", "shell", "-c", THREADS, cwd=site)
    assert "Consumers run on plain threads" in told

    command = re.search(r"To use it: python (-m pip install .+ wrapt)", told)
    assert command is not None
    run(python, *shlex.split(command[1]), cwd=site)

    distributions, packages = json.loads(run(python, "-c", INSTALLED, cwd=tmp_path))
    assert len(distributions) <= 25, distributions
    assert "funboost" in packages
    assert "tests" not in packages
    assert _results_of_another_job(python, site) == "42 42"
    assert "Consumers run on funboost." in run(
        python, "manage.py", "shell", "-c", THREADS, cwd=site
    )


def _install(wheel: Path, folder: Path) -> Path:
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run(python, "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return python


def _results_of_another_job(python: Path, site: Path) -> str:
    run(python, "manage.py", "shell", "-c", ENQUEUE, cwd=site)
    run(python, "manage.py", "runconsumers", "--until-idle", cwd=site)
    return run(python, "manage.py", "shell", "-c", ENDED, cwd=site).splitlines()[-1]
