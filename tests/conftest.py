"""Shared by all tests: the plugins of a run, and what it must not skip."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How fast a machine is fails no test.
settings.register_profile(
    "any_speed",
    parent=settings(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any_speed")

ROOT = Path(__file__).resolve().parent.parent
pytest_plugins = ("tests.parallel", "tests.skipped", "tests.time_limit", "tests.leftovers")


def _required() -> set[str]:
    """Return the markers whose tests must run (``JOBS_TEST_REQUIRE=browser,redis``)."""
    return {name.strip() for name in os.environ.get("JOBS_TEST_REQUIRE", "").split(",")} - {""}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure when the run promised what the test needs."""
    report = yield
    markers = _required() & {marker.name for marker in item.iter_markers()}
    if report.skipped and markers and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        why = f"Skipped, but JOBS_TEST_REQUIRE names {sorted(markers)}"
        report.longrepr = f"{why}: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Return the folder of manage.py."""
    return ROOT
