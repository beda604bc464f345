"""What type checkers see of the public names, in a project that has the package installed.

``tests/typing_project`` is that project. Its environment holds the package and what it needs, with
or without Django's stubs; ``jobs/py.typed`` is what makes checkers look at the package at all.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import django
import pytest

pytestmark = [pytest.mark.processes, pytest.mark.typing]
PROJECT = "tests/typing_project"
WRONG = "  # wrong"
NOT_WITHOUT_TYPES = "only where django.tasks has types"
"""A class with a base of unknown type has every attribute."""
# Of the site's packages, those that the types of the package come from.
NEEDED = (
    "annotated_types",
    "asgiref",
    "django",
    "django_tasks",
    "pydantic",
    "pydantic_core",
    "typing_extensions.py",
    "typing_inspection",
)
STUBS = ("django-stubs", "django_stubs_ext")
SETTINGS = 'SECRET_KEY = "s"\nINSTALLED_APPS = ["jobs"]\n'

Errors = set[tuple[str, int]]
"""File names and lines."""


@pytest.fixture(scope="module")
def project(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, far from this repository."""
    folder = tmp_path_factory.mktemp("typing")
    shutil.copytree(project_root / PROJECT, folder / "shop")
    (folder / "shop" / "__init__.py").touch()
    (folder / "settings.py").write_text(SETTINGS, encoding="utf-8")
    return folder


def make_environment(root: Path, folder: Path, *, stubs: bool) -> Path:
    """Make an environment with the package; return its Python."""
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    code = "import sysconfig; print(sysconfig.get_path('purelib'), end='')"
    target = Path(subprocess.check_output([str(python), "-c", code], encoding="utf-8"))
    shutil.copytree(root / "jobs", target / "jobs", ignore=shutil.ignore_patterns("__pycache__"))
    source = Path(sysconfig.get_path("purelib"))
    for name in (*NEEDED, *(STUBS if stubs else ())):
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("locale"))
        elif (source / name).exists():
            shutil.copy(source / name, target / name)
    return python


@pytest.fixture(scope="module")
def with_stubs(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(project_root, tmp_path_factory.mktemp("stubs") / "e", stubs=True)


@pytest.fixture(scope="module")
def without_stubs(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(project_root, tmp_path_factory.mktemp("bare") / "e", stubs=False)


def mypy(project: Path, python: Path, *lines: str) -> Errors:
    """Return what ``mypy --strict`` reports in the project."""
    pytest.importorskip("mypy")
    config = project / "mypy.ini"
    config.write_text("\n".join(["[mypy]", "strict = true", *lines]), encoding="utf-8")
    command = ["-m", "mypy", "--config-file", config, "--python-executable", python, "shop"]
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=project,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    found = re.findall(r"^shop.(\w+\.py):(\d+): error: (.*)$", done.stdout, re.MULTILINE)
    return _shown((name, int(line), message) for name, line, message in found)


def pyright(project: Path, python: Path) -> Errors:
    """Return what pyright reports in the project."""
    pytest.importorskip("basedpyright")
    config = {"typeCheckingMode": "standard", "include": ["shop"]}
    (project / "pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", str(python)],
        cwd=project,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    found = json.loads(done.stdout)["generalDiagnostics"]
    return _shown(
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1, one["message"])
        for one in found
        if one["severity"] == "error"
    )


def _shown(found: object) -> Errors:
    """Print what was reported, for who reads a failure; return where."""
    reported = list(found)  # type: ignore[call-overload]
    print(*reported, sep="\n")  # noqa: T201
    return {(name, line) for name, line, _ in reported}


def expected(project: Path, *, unless: str = "no such note") -> Errors:
    lines = (project / "shop" / "wrong.py").read_text(encoding="utf-8").splitlines()
    marked = [(n, line) for n, line in enumerate(lines, 1) if WRONG in line]
    assert len(marked) > 20
    return {("wrong.py", n) for n, line in marked if unless not in line}


def test_mypy_with_the_stubs_of_django(project: Path, with_stubs: Path) -> None:
    lines = [
        "plugins = mypy_django_plugin.main",
        "disable_error_code = type-arg",  # what the stubs and the backport take differs
        "[mypy.plugins.django-stubs]",
        "django_settings_module = settings",
    ]
    assert mypy(project, with_stubs, *lines) == expected(project)


def test_mypy_without_stubs(project: Path, without_stubs: Path) -> None:
    lines = ["[mypy-django.*]", "ignore_missing_imports = true"]
    found = mypy(project, without_stubs, *lines)
    assert found == expected(project, unless=NOT_WITHOUT_TYPES)


@pytest.mark.parametrize("environment", ["with_stubs", "without_stubs"])
def test_pyright(project: Path, environment: str, request: pytest.FixtureRequest) -> None:
    found = pyright(project, request.getfixturevalue(environment))
    if environment == "without_stubs" and django.VERSION < (6, 0):
        # There is no ``django.tasks`` to import: neither a module of that name nor its types.
        module = ("right.py", _line_of(project, "import django.tasks"))
        assert found == expected(project, unless=NOT_WITHOUT_TYPES) | {module}
    else:
        assert found == expected(project)


def _line_of(project: Path, text: str) -> int:
    lines = (project / "shop" / "right.py").read_text(encoding="utf-8").splitlines()
    return lines.index(text) + 1
