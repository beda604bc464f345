"""A pytest plugin: tells ``line_recorder`` which test runs, and notes how long each takes."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

MAP: Final = "MUTATIONS_MAP"
"""The file that times and failures are written to."""


class Recorder:
    """Notes the time and the failures of each test of this process."""

    def __init__(self, target: Path, lines: Any) -> None:
        self._target = target
        self._lines = lines
        self._seconds: dict[str, float] = defaultdict(float)
        self._failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, bool, bool]:
        """Record one test, its fixtures too."""
        name = without_parameters(item.nodeid)
        self._lines.switch(name)
        began = time.monotonic()
        try:
            return (yield)
        finally:
            self._seconds[name] += time.monotonic() - began

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        if report.failed:
            self._failed.add(without_parameters(report.nodeid))

    def pytest_sessionfinish(self) -> None:
        """Write what was measured."""
        found = {"seconds": self._seconds, "failed": sorted(self._failed)}
        self._target.write_text(json.dumps(found), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Measure this run, but no run that one of its tests starts."""
    if MAP in os.environ:
        from jobs import line_recorder  # of the copy

        target = Path(os.environ.pop(MAP))
        config.pluginmanager.register(Recorder(target, line_recorder.recorder))


def without_parameters(nodeid: str) -> str:
    """Return the id of a test function: one of its cases alone is rarely worth a choice."""
    return nodeid.partition("[")[0]
