"""Finding tasks: by name, in the registry, and by module path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import job
from jobs.catalog import all_tasks, exposed_tasks, find_task, get_task, registry
from jobs.catalog.registry import load_task
from jobs.compat import task as django_task
from jobs.errors import UnknownTask

pytestmark = pytest.mark.usefixtures("declared")


def test_an_unknown_name_raises_with_the_nearest_names() -> None:
    @job(name="webapp.square")
    def square(n: int) -> None: ...

    @job(name="webapp.cube")
    def cube(n: int) -> None: ...

    with pytest.raises(UnknownTask) as caught:
        get_task("webapp.squares")
    assert caught.value.nearest[0] == "webapp.square"
    with pytest.raises(UnknownTask) as caught:
        get_task("other.cube")
    assert caught.value.nearest[0] == "webapp.cube"
    with pytest.raises(UnknownTask) as caught:
        get_task("")
    assert len(caught.value.nearest) <= 3


def test_tasks_are_sorted_by_title() -> None:
    for title in ("beta", "Alpha", "gamma"):
        job(title=title, name=f"t.{title}")(_function(title))
    assert [task.title for task in exposed_tasks()] == ["Alpha", "beta", "gamma"]


def _function(name: str) -> Callable[[int], None]:
    def function(n: int) -> None: ...

    function.__name__ = function.__qualname__ = name
    return function


@django_task
def plain(n: int) -> int:
    """A task of Django, without ``@job``."""
    return n


def test_the_task_of_a_stored_job_is_loaded_by_its_module_path() -> None:
    assert load_task("gone", f"{__name__}.plain") is plain
    with pytest.raises(UnknownTask):
        load_task("gone", "no.such.module")
    with pytest.raises(UnknownTask):
        load_task("gone", "")
    with pytest.raises(UnknownTask):
        load_task("gone", "pathlib.Path")


def test_plain_django_tasks_are_not_in_the_registry() -> None:
    assert find_task(plain.module_path) is None
    assert find_task("tests.plain") is None


@pytest.fixture
def broken_app(tmp_path: Path) -> Path:
    """An app whose ``tasks`` module cannot be imported."""
    (tmp_path / "broken_app").mkdir()
    (tmp_path / "broken_app" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "broken_app" / "tasks.py").write_text("import no_such_module", encoding="utf-8")
    return tmp_path


def test_a_module_that_cannot_be_imported_raises_each_time(
    broken_app: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(broken_app))
    monkeypatch.setattr(registry, "_discovered", False)
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "broken_app"]
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError):
            all_tasks()
