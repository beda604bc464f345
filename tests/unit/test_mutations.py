"""The changes that ``tests.mutations`` makes, and how it chooses among them and their tests."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.mutations.changes import Change, changes_of
from tests.mutations.choice import choose_tests, found_changes, handmade_changes
from tests.mutations.handmade import HANDMADE, HARMLESS
from tests.mutations.handmade_bulk import BULK
from tests.mutations.handmade_elsewhere import ELSEWHERE
from tests.mutations.handmade_feed import OF_THE_FEED
from tests.mutations.harmless import MORE_HARMLESS
from tests.mutations.line_map import RECORDER, LineMap, read_map
from tests.mutations.line_recorder import FOLDERS, LINES, TREE
from tests.mutations.report import Result, print_report
from tests.mutations.sandbox import ROOT, Verdict

SOURCE = '''\
"""A module."""

LIMIT = 5


def first(values: list[int], limit: int | None = None) -> int | None:
    """Return one."""
    if values and len(values) <= 3:
        logger.info("a line")
        note(values)
    é = not values
    raise ValueError(f"{1 + 1}")
'''


def _new(source: str) -> set[tuple[str, str]]:
    return {(change.old, change.new) for change in changes_of("a.py", source)}


def test_it_changes_what_a_function_does() -> None:
    assert _new(SOURCE) == {
        ("values and len(values) <= 3", "(values or len(values) <= 3)"),
        ("len(values) <= 3", "(len(values) < 3)"),
        ("3", "(4)"),
        ("note(values)", "pass"),
        ("not values", "(values)"),
        ('raise ValueError(f"{1 + 1}")', "pass"),
    }


@pytest.mark.parametrize("file", ["jobs/consumer/batch_writer.py", "jobs/lifecycle/complete.py"])
def test_each_change_of_a_real_file_is_python(file: str) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    changes = changes_of(file, source)
    assert len(changes) > 20
    for change in changes:
        changed = change.apply(source)
        assert changed != source
        ast.parse(changed)


def test_no_clock_shows_the_very_moment() -> None:
    function = "def due():\n    return {}\n"
    changed = {new for _, new in _new(function.format("time.monotonic() < limit"))}
    assert changed == {"(time.monotonic() >= limit)"}
    changed = {new for _, new in _new(function.format("since < limit"))}
    assert changed == {"(since <= limit)"}


def test_a_file_that_has_changed_meanwhile_is_refused() -> None:
    change = changes_of("a.py", SOURCE)[0]
    with pytest.raises(ValueError, match=r"a\.py has changed"):
        change.apply("\n" + SOURCE)


def test_a_sample_is_the_same_each_time() -> None:
    files = ["jobs/consumer/batch_writer.py"]
    every = found_changes(files, None)
    sample = found_changes(files, 7)
    assert len(sample) == 7
    assert sample == found_changes(files, 7)
    assert set(sample) < set(found_changes(files, 9)) < set(every)


def test_the_quickest_tests_come_first_and_failing_ones_never() -> None:
    change = changes_of("a.py", SOURCE)[0]
    tests = {"a.py": {change.line: {"slow", "quick", "broken", "medium"}}}
    seconds = {"slow": 9.0, "quick": 0.1, "medium": 2.0, "broken": 0.01}
    lines = LineMap(defaultdict(dict, tests), seconds, {"broken"})
    assert choose_tests(change, lines, 5.0).names == ("quick", "medium")
    assert choose_tests(change, lines, 0.0).names == ("quick",)


def test_the_list_by_hand_fits_the_code() -> None:
    """Who changes the code is told to change the list too."""
    lists = (HANDMADE, ELSEWHERE, BULK, OF_THE_FEED)
    changes = handmade_changes({one.file for each in lists for one in each})
    assert len(changes) == sum(map(len, lists))
    for change in changes:
        ast.parse(change.apply((ROOT / change.file).read_text(encoding="utf-8")))
    for one in (*HARMLESS, *MORE_HARMLESS):
        assert one.old in (ROOT / one.file).read_text(encoding="utf-8"), one


def test_what_lives_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    killed, alive = changes_of("a.py", SOURCE)[:2]
    assert print_report([Result(killed, Verdict.KILLED, ("t",))], 1) == 0
    assert print_report(_results(killed, alive), 3) == 1
    shown = capsys.readouterr().out
    assert f"alive: {alive}" in shown
    assert "50% noticed" in shown
    assert "The time was over before 1 others were tried." in shown


def test_what_no_test_runs_is_counted_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """It may be run by a layer that was not looked at."""
    first, second = changes_of("jobs/a/b.py", SOURCE)[:2]
    results = [
        Result(first, Verdict.NOT_RUN, ()),
        Result(second, Verdict.ALIVE, ("t", "u"), reached=5),
    ]
    assert print_report(results, 2) == 1
    shown = capsys.readouterr().out
    assert "   tried   killed harmless    alive  not run\n" in shown
    assert "       2        0        0        1        1  jobs/a: 0% noticed\n" in shown
    assert "\n  0 tests\n" in shown
    assert "\n  2 of 5 tests\n" in shown


def _results(killed: Change, alive: Change) -> list[Result]:
    return [Result(killed, Verdict.TIMED_OUT, ("t",)), Result(alive, Verdict.ALIVE, ("t",))]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python tells which lines run since 3.12")
def test_the_lines_of_a_process_that_a_test_starts_are_noted(tmp_path: Path) -> None:
    """Though it is killed: consumers and their children run half of the lines."""
    package = tmp_path / "tree" / "jobs"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from . import line_recorder\n", encoding="utf-8")
    (package / "line_recorder.py").write_bytes(RECORDER.read_bytes())
    (package / "work.py").write_text(
        "import os, signal\ndef work():\n    os.kill(os.getpid(), signal.SIGTERM)\n    return 7\n",
        encoding="utf-8",
    )
    variables = {
        TREE: str(package.parent),
        FOLDERS: "jobs/work.py",
        LINES: str(tmp_path / "1.lines"),
        "PYTEST_CURRENT_TEST": "tests/a.py::test_b[c d] (call)",
    }
    subprocess.run(
        [sys.executable, "-c", "from jobs.work import work; work()"],
        cwd=package.parent,
        env=os.environ | variables,
        check=False,
    )
    found = read_map(tmp_path).tests["jobs/work.py"]
    assert {line: tests for line, tests in found.items() if line > 2} == {3: {"tests/a.py::test_b"}}
