"""Changes the code in small ways and runs the tests that should notice. See ``README.md``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from .changes import Change
from .choice import choose_tests, files_of, found_changes, handmade_changes
from .line_map import LineMap, measure, read_map
from .report import Result, print_report
from .sandbox import Sandbox, Verdict

FIRST_TESTS = 12
TESTS = ("tests/unit", "tests/integration")


def main() -> int:
    """Try each change; return 1 when one lives for which no reason is written down."""
    options = _parse_options()
    files = files_of(options.folders)
    changes = handmade_changes(files) if options.handmade else found_changes(files, options.sample)
    with ExitStack() as stack:
        boxes = [stack.enter_context(Sandbox()) for _ in range(options.processes)]
        lines = _line_map(options, boxes)
        for test in sorted(lines.failed):
            print(f"fails without any change, and so proves nothing: {test}")
        print(f"{len(changes)} changes of {' '.join(options.folders)}", flush=True)
        results = _try_all(changes, lines, boxes, options)
    return print_report(results, len(changes))


def _line_map(options: argparse.Namespace, boxes: Sequence[Sandbox]) -> LineMap:
    if options.map is not None:
        if not list(options.map.glob("*.json")):
            measure(boxes, options.folders, options.tests, options.map)
        return read_map(options.map)
    with tempfile.TemporaryDirectory() as folder:
        measure(boxes, options.folders, options.tests, Path(folder))
        return read_map(Path(folder))


def _try_all(
    changes: Sequence[Change],
    lines: LineMap,
    boxes: Sequence[Sandbox],
    options: argparse.Namespace,
) -> list[Result]:
    end = time.monotonic() + options.minutes * 60
    free: SimpleQueue[Sandbox] = SimpleQueue()
    for box in boxes:
        free.put(box)

    def try_one(change: Change) -> Result | None:
        if time.monotonic() > end:
            return None
        tests = choose_tests(change, lines, options.seconds)
        if not tests.names:
            return _shown(Result(change, Verdict.NOT_RUN, ()))
        box = free.get()
        try:
            # Most changes are noticed by the first tests. To collect the others takes longer than
            # to run these.
            for names in filter(None, (tests.names[:FIRST_TESTS], tests.names[FIRST_TESTS:])):
                verdict = box.test(change, names, tests.seconds)
                if verdict is not Verdict.ALIVE:
                    break
        finally:
            free.put(box)
        return _shown(Result(change, verdict, tests.names, tests.reached))

    with ThreadPoolExecutor(len(boxes)) as pool:
        return [result for result in pool.map(try_one, changes) if result is not None]


def _shown(result: Result) -> Result:
    if not result.verdict.is_noticed:
        print(f"{result.verdict.value}: {result.change}", flush=True)
    return result


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument(
        "folders", nargs="+", metavar="FOLDER", help="of the code, or one file: jobs/consumer"
    )
    parser.add_argument(
        "--tests", nargs="+", default=TESTS, help="folders and files to choose from (%(default)s)"
    )
    parser.add_argument("--handmade", action="store_true", help="only the list in handmade.py")
    parser.add_argument("--sample", type=int, help="try so many, the same at each run")
    parser.add_argument("--minutes", type=float, default=60, help="stop after it (%(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=30, help="of tests for one change (%(default)s)"
    )
    parser.add_argument("--processes", type=int, default=2, help="at a time (%(default)s)")
    parser.add_argument(
        "--map", type=Path, help="a folder that keeps which tests run which lines, for the next run"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
