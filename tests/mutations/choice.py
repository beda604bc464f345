"""Which changes are tried, and by which tests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from .changes import Change, changes_of
from .handmade import HANDMADE
from .handmade_bulk import BULK
from .handmade_elsewhere import ELSEWHERE
from .handmade_feed import OF_THE_FEED
from .line_map import LineMap
from .sandbox import ROOT

UNKNOWN_SECONDS: Final = 5.0
"""What a test is taken to need whose time is not known: its run broke off."""


class Chosen(NamedTuple):
    """Some tests, by their ids, the seconds that they take together, and of how many they are."""

    names: tuple[str, ...]
    seconds: float
    reached: int


def files_of(folders: Sequence[str]) -> list[str]:
    """Return the Python files of some folders, or files, from the root.

    Raises:
        FileNotFoundError: one has none.
    """
    files = []
    for folder in folders:
        place = ROOT / folder
        found = [place] if place.is_file() else sorted(place.rglob("*.py"))
        if not found:
            raise FileNotFoundError(f"{folder} has no Python file.")
        files += [file.relative_to(ROOT).as_posix() for file in found]
    return files


def handmade_changes(files: Iterable[str]) -> list[Change]:
    """Return the changes of these files that a person has written down.

    Raises:
        ValueError: the text that one replaces is not in its file, or more than once.
    """
    wanted, changes = set(files), []
    for one in (*HANDMADE, *ELSEWHERE, *BULK, *OF_THE_FEED):
        if one.file not in wanted:
            continue
        source = (ROOT / one.file).read_text(encoding="utf-8")
        if source.count(one.old) != 1:
            times = source.count(one.old)
            raise ValueError(f"{one.file} has this text {times} times, not once:\n{one.old}")
        start = source.index(one.old)
        # The first line that differs: the others are there to find the place.
        line = source.count("\n", 0, start + _first_difference(one.old, one.new)) + 1
        end = start + len(one.old)
        name = f"({one.loses})"
        changes.append(Change(one.file, line, name, one.old, one.new, start, end, one.tests))
    return changes


def _first_difference(old: str, new: str) -> int:
    pairs = enumerate(zip(old, new, strict=False))
    return next((index for index, (one, other) in pairs if one != other), min(len(old), len(new)))


def found_changes(files: Iterable[str], sample: int | None) -> list[Change]:
    """Return the changes that are found in the source; of many a sample, the same at each run.

    A sample is in random order, so that the part of it that the time allows is one too.
    """
    changes = [
        change
        for file in files
        for change in changes_of(file, (ROOT / file).read_text(encoding="utf-8"))
    ]
    return changes if sample is None else sorted(changes, key=_lot)[:sample]


def _lot(change: Change) -> str:
    # Not by its line: other lines are added and removed.
    text = f"{change.file}\n{change.function}\n{change.old}\n{change.new}"
    return hashlib.sha256(text.encode()).hexdigest()


def choose_tests(change: Change, lines: LineMap, seconds: float) -> Chosen:
    """Return tests that run the changed line, the quickest first, which take no longer than this
    together; at least one, if there is one."""
    names: Sequence[str] = [
        *change.tests,
        *sorted(
            lines.tests[change.file][change.line] - lines.failed,
            key=lambda test: (lines.seconds.get(test, UNKNOWN_SECONDS), test),
        ),
    ]
    chosen: list[str] = []
    total = 0.0
    for name in names:
        takes = lines.seconds.get(name, UNKNOWN_SECONDS)
        if chosen and total + takes > seconds:
            break
        chosen.append(name)
        total += takes
    return Chosen(tuple(chosen), total, len(names))
