"""Runs a suite in a process of its own: ``python -m tests.conformance.run FOLDER MODULE...``.

The ids of the tests are read from standard input, to be left out. The last line of the output is
JSON: by the id of each test that ran whether it passed, and what was reported of those that failed.
"""

from __future__ import annotations

import json
import os
import sys
import unittest
from typing import Any


class Recorder(unittest.TextTestResult):
    """Keeps how each test ended."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.passed: dict[str, bool] = {}

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        """Note the test, unless it was skipped."""
        bad = [one for one, _ in [*self.failures, *self.errors]]
        own = [one for one in bad if one is test or getattr(one, "test_case", None) is test]
        if not any(one is test for one, _ in self.skipped):
            self.passed[test.id()] = not own
        super().stopTest(test)


def main(folder: str, *modules: str) -> int:
    """Run the modules of a suite; return the exit code."""
    left_out = set(sys.stdin.read().split())
    sys.path.insert(0, folder)
    import django

    django.setup()
    from django.test.utils import get_runner, setup_test_environment

    setup_test_environment()
    runner = get_runner(django.conf.settings)(verbosity=0, interactive=False)
    databases = runner.setup_databases(aliases={"default"})
    suite = unittest.TestSuite(
        test
        for test in _flat(unittest.defaultTestLoader.loadTestsFromNames(modules))
        if test.id() not in left_out
    )
    result = unittest.TextTestRunner(stream=sys.stderr, resultclass=Recorder).run(suite)
    assert isinstance(result, Recorder)
    runner.teardown_databases(databases)
    sys.stdout.write(json.dumps(result.passed) + "\n")
    sys.stdout.flush()
    return 0


def _flat(suite: unittest.TestSuite | unittest.TestCase) -> list[unittest.TestCase]:
    if isinstance(suite, unittest.TestCase):
        return [suite]
    return [test for part in suite for test in _flat(part)]


if __name__ == "__main__":
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # some tests look at results in a coroutine
    code = main(*sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # the consumers' threads would be joined for ever
