"""How a run of the tests chooses its processes, and what its last line says."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from tests.parallel import is_parallel, order_of, pytest_xdist_auto_num_workers, scope_of
from tests.skipped import last_line


def config(*arguments: str, **options: Any) -> Any:
    """A run's configuration with pytest's own defaults."""
    defaults: dict[str, Any] = {
        "numprocesses": None,
        "dist": "no",
        "tx": [],
        "capture": "fd",
        "usepdb": False,
    }
    return SimpleNamespace(option=SimpleNamespace(**defaults | options), args=list(arguments))


@pytest.fixture(autouse=True)
def no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JOBS_TEST_KAFKA", "JOBS_TEST_RABBITMQ", "JOBS_TEST_REDIS", "JOBS_TEST_POSTGRES"):
        monkeypatch.delenv(name, raising=False)


def test_whole_folders_are_tested_in_parallel() -> None:
    assert is_parallel(config("tests"))
    assert is_parallel(config(__file__, "tests/unit", "tests/integration"))


def test_single_files_and_unit_tests_are_tested_in_one_process() -> None:
    assert not is_parallel(config("tests/unit"))
    assert not is_parallel(config(__file__))
    assert not is_parallel(config(f"{__file__}::test_whole_folders_are_tested_in_parallel"))


@pytest.mark.parametrize(
    "options",
    [
        {"numprocesses": 0},
        {"numprocesses": 7},
        {"dist": "each"},
        {"tx": ["popen"]},
        {"usepdb": True},
        {"capture": "no"},
        {"collectonly": True},
    ],
    ids=str,
)
def test_the_command_line_has_the_last_word(options: dict[str, Any]) -> None:
    assert not is_parallel(config("tests", **options))


def test_there_are_two_processes_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(2), raising=False)
    assert pytest_xdist_auto_num_workers(config("tests")) == 4
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(64), raising=False)
    assert pytest_xdist_auto_num_workers(config("tests")) == 12
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "5")
    assert pytest_xdist_auto_num_workers(config("tests")) is None


@pytest.mark.parametrize(
    ("nodeid", "scope"),
    [
        ("tests/unit/test_env.py::test_a[b]", "tests/unit/test_env.py"),
        ("tests/chaos/test_storm.py::test_a[sqlite]", "tests/chaos/test_storm.py::test_a[sqlite]"),
        ("tests/windows/test_site.py::test_a", "windows"),
        ("tests/brokers/test_contract.py::test_a[kafka]", "kafka"),
        ("tests/brokers/test_contract.py::test_a[rabbitmq]", "rabbitmq"),
        ("tests/brokers/test_messages.py::test_a[redis-x]", "redis"),
        ("tests/brokers/test_contract.py::test_a[sqlite]", "tests/brokers/test_contract.py"),
    ],
)
def test_tests_that_share_something_stay_in_one_process(nodeid: str, scope: str) -> None:
    assert scope_of(nodeid) == scope


def test_long_tests_begin_first_and_unknown_folders_last() -> None:
    names = ["tests/new/test_a.py::b", "tests/unit/test_a.py::b", "tests/chaos/test_a.py::b"]
    assert sorted(names, key=order_of) == names[::-1]
    assert order_of("tests/test_a.py::b") == order_of(names[0])


def test_the_last_line_counts_each_skipped_test_once_and_says_how_to_run_it() -> None:
    line = last_line([{"redis", "postgres"}, {"redis"}, {"postgres"}, {"browser"}, {"test_a.py"}])
    assert line == (
        "Skipped: redis 2 (set JOBS_TEST_REDIS=redis://host:port/0);"
        " postgres 1 (set JOBS_TEST_POSTGRES=postgres://user:password@host:port/postgres);"
        " browser 1 (install Chromium); other 1 (each with its reason above)."
    )


def test_a_server_that_is_there_is_not_what_a_skipped_test_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JOBS_TEST_REDIS", "redis://h/0")
    assert last_line([{"redis", "postgres"}]).startswith("Skipped: postgres 1 (")


def test_the_last_line_is_there_when_nothing_was_skipped() -> None:
    assert last_line([]) == "Skipped: nothing."


def test_unit_tests_cannot_touch_the_database() -> None:
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        connection.cursor()
