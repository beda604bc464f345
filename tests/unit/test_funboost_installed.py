"""Which funboost is installed, and what ``check`` and ``doctor`` say about it."""

from __future__ import annotations

import importlib.metadata
import sys
import tomllib
from pathlib import Path

import pytest
from django.utils import timezone

from jobs.brokers.funboost import installed
from jobs.checks import check_funboost
from jobs.management.doctor import environment
from jobs.management.doctor.findings import Grade


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The installed distributions, as a test says."""
    found = {"alpha": "1.0", "beta": "7"}

    def version(name: str) -> str:
        if name not in found:
            raise importlib.metadata.PackageNotFoundError(name)
        return found[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(installed, "requirements", lambda: ["alpha==1.0", "beta<8"])
    return found


def test_here_it_is_complete() -> None:
    assert installed.is_installed()
    assert check_funboost() == []
    (found,) = environment.threads(timezone.now())
    assert found.text == "Consumers run on funboost."


def test_without_it_the_doctor_says_what_runs_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "funboost", None)
    assert check_funboost() == []
    (found,) = environment.threads(timezone.now())
    assert found.grade is Grade.OK
    assert found.text.startswith("Consumers run on plain threads")
    assert 'pip install --no-deps funboost==55.0 nb_log==14.4 nb_time==2.8 "apsch' in found.text


@pytest.mark.parametrize(
    ("name", "version", "told"),
    [
        ("alpha", "0.9", "alpha is 0.9 instead of 1.0"),
        ("alpha", None, "alpha is missing"),
        ("beta", None, "beta is missing"),
    ],
)
def test_one_that_cannot_be_used_is_an_error_with_the_command(
    versions: dict[str, str], name: str, version: str | None, told: str
) -> None:
    assert check_funboost() == []
    del versions[name]
    if version:
        versions[name] = version
    (error,) = check_funboost()
    assert error.msg == f"Consumers cannot run on the installed funboost: {told}."
    assert error.hint == 'Run: python -m pip install --no-deps alpha==1.0 "beta<8"'


def test_the_extra_has_the_same_funboost(project_root: Path) -> None:
    project = tomllib.loads((project_root / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["optional-dependencies"]["funboost"] == installed.requirements()[:1]
