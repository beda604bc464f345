"""Shared by all tests: what a run must not skip, and folders of one's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _required() -> set[str]:
    """Names of what the caller started for us (``JOBS_TEST_REQUIRE=browser,redis``)."""
    return {name.strip() for name in os.environ.get("JOBS_TEST_REQUIRE", "").split(",")} - {""}


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
