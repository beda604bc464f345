"""Which tests run which lines of a folder, found by running them all once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from .sandbox import ROOT, Sandbox
from .which_tests import FOLDER, MAP, without_parameters

PLUGIN: Final = "tests.mutations.which_tests"
LONGEST_RUN: Final = 3600.0


class LineMap(NamedTuple):
    """What a run of all tests has shown.

    Attributes:
        tests: for each file and line, the tests that run it.
        seconds: how long each test took.
        failed: the tests that failed without any change: they prove nothing.
    """

    tests: dict[str, dict[int, set[str]]]
    seconds: dict[str, float]
    failed: set[str]


def measure(boxes: Sequence[Sandbox], folder: str, tests: Sequence[str], target: Path) -> None:
    """Run all tests once, without any change, and write what they run into the folder ``target``.

    In processes that are started as those which try changes: a test that fails there already
    proves nothing.

    Raises:
        RuntimeError: nothing was measured.
    """
    files = [
        file.relative_to(ROOT).as_posix()
        for one in tests
        for file in ([ROOT / one] if (ROOT / one).is_file() else (ROOT / one).rglob("test_*.py"))
    ]
    # The slow ones are often neighbours: not all to one process.
    shares = [sorted(files)[number :: len(boxes)] for number in range(len(boxes))]

    def run(box: Sandbox, share: Sequence[str]) -> None:
        if share:
            place = str(target.resolve() / box.folder.name)
            box.run(["-p", PLUGIN, *share], LONGEST_RUN, **{FOLDER: folder, MAP: f"{place}.json"})

    with ThreadPoolExecutor(len(boxes)) as pool:
        list(pool.map(run, boxes, shares))
    if not list(target.glob("*.json")):
        raise RuntimeError(f"The tests could not be run:\n{boxes[0].last_output()}")


def read_map(folder: Path) -> LineMap:
    """Return what the processes of a run have written."""
    found = LineMap(defaultdict(lambda: defaultdict(set)), defaultdict(float), set())
    for file in folder.glob("*.json"):
        part = json.loads(file.read_text(encoding="utf-8"))
        for name, lines in part["tests"].items():
            for line, tests in lines.items():
                found.tests[name][int(line)].update(tests)
        for test, seconds in part["seconds"].items():
            found.seconds[test] += seconds
        found.failed.update(without_parameters(test) for test in part["failed"])
    return found
