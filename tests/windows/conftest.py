"""One site in a Python for Windows, which the tests of this folder share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import browser as browser  # noqa: PLC0414  (a fixture)
from tests.windows.python import Agent, WindowsPython
from tests.windows.site import WindowsSite

LAUNCHER = "JOBS_TEST_WINDOWS"
# Whatever people call their folders; more than 260 characters, which Windows once allowed at most.
FOLDER = Path("Käthe's data, 100% & more", "作業 " + 110 * "x", 110 * "y", "var")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.windows)


@pytest.fixture(scope="session")
def launcher() -> str:
    found = os.environ.get(LAUNCHER)
    if not found:
        pytest.skip(f"set {LAUNCHER} to a Python for Windows, as .ci/windows/setup makes one")
    return found


@pytest.fixture(scope="session")
def agent(launcher: str) -> Iterator[Agent]:
    started = Agent(launcher)
    yield started
    started.close()


@pytest.fixture(scope="session")
def windows(launcher: str, agent: Agent) -> WindowsPython:
    """Return the Python for Windows; the agent is the first that runs in it, for a reason."""
    return WindowsPython(launcher)


@pytest.fixture(scope="session")
def shared_site(
    windows: WindowsPython, agent: Agent, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WindowsSite]:
    data = tmp_path_factory.mktemp("windows") / FOLDER
    assert len(str(data)) > 260
    running = WindowsSite(windows, agent, data)
    try:
        running.wait_ready()
        yield running
    finally:
        running.close()


@pytest.fixture
def site(shared_site: WindowsSite) -> WindowsSite:
    """A site that runs: one for all tests, because each start takes ten seconds of CPU."""
    shared_site.ensure_running()
    return shared_site
