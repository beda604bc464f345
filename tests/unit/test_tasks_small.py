"""The tasks as a whole, and the two that only compute."""

from __future__ import annotations

import importlib
import pkgutil
import shutil
import sys
from pathlib import Path

import pytest

import webapp.tasks
from jobs import catalog
from jobs.errors import InvalidArguments
from webapp.tasks.fibonacci import fibonacci
from webapp.tasks.square import square


def test_each_file_of_the_package_is_found_without_being_listed(project_root: Path) -> None:
    files = {path.stem for path in (project_root / "webapp" / "tasks").glob("[!_]*.py")}
    assert {found.name for found in pkgutil.iter_modules(webapp.tasks.__path__)} == files
    names = {task.name for task in catalog.exposed_tasks()}
    assert {f"webapp.{name}" for name in files} <= names


def test_a_new_file_is_imported_with_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "tasks_with_a_newcomer"
    package.mkdir()
    shutil.copy(str(webapp.tasks.__file__), package)
    (package / "newcomer.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module(package.name)
    assert sys.modules.pop(f"{package.name}.newcomer")
    del sys.modules[package.name]


OURS = [task for task in catalog.exposed_tasks() if task.name.startswith("webapp.")]


@pytest.mark.parametrize("task", OURS, ids=lambda task: task.name)
def test_each_task_has_a_description(task: catalog.JobTask[..., object]) -> None:
    assert task.title
    assert task.description.endswith(".")
    assert task.spec.arguments


@pytest.mark.parametrize(("n", "text"), [(7, "7 * 7 = 49"), (0, "0 * 0 = 0"), (-3, "-3 * -3 = 9")])
def test_a_number_is_squared(n: int, text: str) -> None:
    assert square.call(n) == text


@pytest.mark.parametrize(("n", "number"), [(0, 0), (1, 1), (2, 1), (10, 55), (20, 6765)])
def test_fibonacci_numbers(n: int, number: int) -> None:
    assert fibonacci.call(n) == number


@pytest.mark.parametrize("n", [-1, 41, "many", None, 1.5])
def test_fibonacci_is_bounded(n: object) -> None:
    with pytest.raises(InvalidArguments) as caught:
        fibonacci.spec.validate({"n": n})
    assert [error["pointer"] for error in caught.value.errors] == ["/n"]


def test_what_computes_runs_in_a_process() -> None:
    computing = {task.name for task in OURS if task.executor == "process"}
    assert computing >= {"webapp.fibonacci", "webapp.analyse_log"}
