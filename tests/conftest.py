"""Shared by all tests: what a run must not skip, and who runs what when several share a run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FIRST = ("chaos", "brokers", "processes", "browser", "properties", "integration", "unit")
"""Folders in the order in which several workers take them: a long one at the end has no company."""
SHARING = re.compile(r"brokers/test_(contract|messages|kafka_link)\.py::.*\[(redis|kafka)\b")
"""Tests of a server whose streams and topics have fixed names: they run one at a time."""


def _required() -> set[str]:
    """Names of what the caller started for us (``JOBS_TEST_REQUIRE=browser,redis``)."""
    return {name.strip() for name in os.environ.get("JOBS_TEST_REQUIRE", "").split(",")} - {""}


@pytest.hookimpl(trylast=True)  # pytest-django has an order of its own, for one process
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes long, when several share the work."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: LONGEST_FIRST.index(_folder(item.nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal the tests out by ``_scope``; with ``--no-loadscope-reorder`` in our order."""
    from xdist.scheduler import LoadScopeScheduling

    scheduling = LoadScopeScheduling(config, log)
    scheduling._split_scope = _scope
    return scheduling


def _folder(nodeid: str) -> str:
    return nodeid.split("/")[1]


def _scope(nodeid: str) -> str:
    """What stays on one worker: a file for its fixtures, or all that use a server in turns."""
    if _folder(nodeid) == "chaos":
        return nodeid  # each has a site of its own, and takes its time
    shared = SHARING.search(nodeid)
    return shared[2] if shared else nodeid.partition("::")[0]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Turn a skip into a failure when the server it asks for was started for this run."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()  # type: ignore[attr-defined]
    markers = _required() & {marker.name for marker in item.iter_markers()}
    if report.skipped and markers and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        why = f"Skipped, but JOBS_TEST_REQUIRE names {sorted(markers)}"
        report.longrepr = f"{why}: {report.longrepr}"


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Return the folder of manage.py."""
    return ROOT
