"""Shared by all tests: what a run must not skip, and who runs what when several share a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FIRST = ("chaos", "brokers", "processes", "browser", "properties", "integration", "unit")
"""Folders in the order in which several workers take them: a long one at the end has no company."""
SHARED = ("redis", "kafka")
"""Servers whose streams and topics have fixed names: one test at a time."""


def _required() -> set[str]:
    """Names of what the caller started for us (``JOBS_TEST_REQUIRE=browser,redis``)."""
    return {name.strip() for name in os.environ.get("JOBS_TEST_REQUIRE", "").split(",")} - {""}


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    """Deal the tests out for ``--dist loadgroup``: xdist reads the groups in this very hook."""
    several = hasattr(config, "workerinput")
    for item in items if several else ():
        if group := _group(item):
            item.add_marker(pytest.mark.xdist_group(group))
    yield
    if several:  # pytest-django has an order of its own, for one process
        items.sort(key=lambda item: LONGEST_FIRST.index(_folder(item)))


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(ROOT / "tests").parts[0]


def _group(item: pytest.Item) -> str:
    """What stays on one worker: a file for its fixtures, or all that use a server in turns."""
    if _folder(item) == "chaos":
        return ""  # each has a site of its own, and takes its time
    parameters = getattr(item, "callspec", None)
    broker = getattr(parameters and parameters.params.get("setup"), "broker", "")
    return broker if broker in SHARED else str(item.path.relative_to(ROOT))


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
