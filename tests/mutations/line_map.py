"""Which tests run which lines of some folders, found by running them all once."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from .line_recorder import FOLDERS, LINES, TREE
from .sandbox import ROOT, Sandbox
from .which_tests import MAP, without_parameters

PLUGIN: Final = "tests.mutations.which_tests"
RECORDER: Final = Path(__file__).with_name("line_recorder.py")
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


def measure(
    boxes: Sequence[Sandbox], folders: Sequence[str], tests: Sequence[str], target: Path
) -> None:
    """Run all tests once, without any change, and write what they run into the folder ``target``.

    In processes that are started as those which try changes: a test that fails there already
    proves nothing.

    Raises:
        RuntimeError: nothing was measured.
    """
    if not hasattr(sys, "monitoring"):
        raise RuntimeError("Python 3.12 or later is needed: it tells which lines run.")
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
            variables = {TREE: str(box.tree.resolve()), FOLDERS: os.pathsep.join(folders)}
            variables |= {LINES: f"{place}.lines", MAP: f"{place}.json"}
            with _noted(box.tree):
                box.run(["-p", PLUGIN, *share], LONGEST_RUN, **variables)

    target.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(len(boxes)) as pool:
        list(pool.map(run, boxes, shares))
    if not list(target.glob("*.json")):
        raise RuntimeError(f"The tests could not be run:\n{boxes[0].last_output()}")


@contextmanager
def _noted(tree: Path) -> Iterator[None]:
    """Within it, each process that imports the package ``jobs`` of a copy notes what it runs."""
    package = tree / "jobs"
    before = (package / "__init__.py").read_bytes()
    shutil.copy(RECORDER, package)
    with (package / "__init__.py").open("ab") as file:
        file.write(b"\nfrom . import line_recorder\n")
    try:
        yield
    finally:
        (package / RECORDER.name).unlink()
        (package / "__init__.py").write_bytes(before)


def read_map(folder: Path) -> LineMap:
    """Return what the processes of a run have written."""
    found = LineMap(defaultdict(lambda: defaultdict(set)), defaultdict(float), set())
    for file in folder.glob("*.lines"):
        for noted in file.read_text(encoding="utf-8").splitlines():
            test, name, line = noted.split("\t")
            found.tests[name][int(line)].add(test)
    for file in folder.glob("*.json"):
        part = json.loads(file.read_text(encoding="utf-8"))
        for test, seconds in part["seconds"].items():
            found.seconds[test] += seconds
        found.failed.update(without_parameters(test) for test in part["failed"])
    return found
