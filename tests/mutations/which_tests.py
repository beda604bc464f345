"""A pytest plugin: which test runs which lines, and how long each takes.

It measures the folder that ``MUTATIONS_FOLDER`` names, and writes the file ``MUTATIONS_MAP``.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = "MUTATIONS_FOLDER"
MAP: Final = "MUTATIONS_MAP"


class Recorder:
    """Records the lines of each test of this process, in all its threads."""

    def __init__(self, folder: str, target: Path) -> None:
        import coverage  # of the extra dev, which the tests of this package do without

        self._target = target
        self._coverage = coverage.Coverage(
            data_file=None, include=[folder, f"{folder}/*"], config_file=False
        )
        self._seconds: dict[str, float] = defaultdict(float)
        self._failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, bool, bool]:
        """Record one test, its fixtures too."""
        name = without_parameters(item.nodeid)
        self._coverage.switch_context(name)
        began = time.monotonic()
        try:
            return (yield)
        finally:
            self._seconds[name] += time.monotonic() - began

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        if report.failed:
            self._failed.add(without_parameters(report.nodeid))

    def pytest_sessionstart(self) -> None:
        """Begin to measure, before any of the files is imported."""
        self._coverage.start()

    def pytest_sessionfinish(self) -> None:
        """Write what was measured."""
        with warnings.catch_warnings(action="ignore"):  # that a process of the run had no test
            self._coverage.stop()
            data = self._coverage.get_data()
        lines = {
            Path(file).relative_to(Path.cwd()).as_posix(): {
                line: [test for test in tests if test]
                for line, tests in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }
        found = {"tests": lines, "seconds": self._seconds, "failed": sorted(self._failed)}
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._target.write_text(json.dumps(found), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Measure this run, but no run that one of its tests starts."""
    if FOLDER in os.environ:
        recorder = Recorder(os.environ.pop(FOLDER), Path(os.environ.pop(MAP)))
        config.pluginmanager.register(recorder)


def without_parameters(nodeid: str) -> str:
    """Return the id of a test function: one of its cases alone is rarely worth a choice."""
    return nodeid.partition("[")[0]
