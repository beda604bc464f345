"""What a run has found, as a table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from .changes import Change
from .handmade import HARMLESS
from .harmless import MORE_HARMLESS
from .sandbox import Verdict

COLUMNS: Final = ("tried", "killed", "harmless", "alive", "not run")
"""Not run: no test of those that were looked at runs the line, so that nothing is known of it."""


class Result(NamedTuple):
    """A change, and what the tests that were chosen for it said.

    Attributes:
        change: what was changed.
        verdict: what was found.
        tests: the tests that were run.
        reached: how many tests run the changed line; not all of them were, if that takes too long.
    """

    change: Change
    verdict: Verdict
    tests: tuple[str, ...]
    reached: int = 0


def why_harmless(change: Change) -> str:
    """Return why a change hurts nobody, where that is written down."""
    for harmless in (*HARMLESS, *MORE_HARMLESS):
        if (harmless.file, harmless.old) == (change.file, change.old) and (
            harmless.new in {"", change.new}
        ):
            return harmless.why
    return ""


def print_report(results: Sequence[Result], planned: int) -> int:
    """Print the table and what lived; return 1 if something did for which no reason is known."""
    by_file: dict[str, Counter[str]] = defaultdict(Counter)
    alive = []
    for result in results:
        kind = _kind(result)
        by_file[result.change.file].update(["tried", kind])
        if kind in {"alive", "not run"}:
            alive.append(result)
    print("\n" + " ".join(f"{name:>8}" for name in COLUMNS))
    folders: dict[str, Counter[str]] = defaultdict(Counter)
    for file in sorted(by_file):
        folders["/".join(file.split("/")[:2])] += by_file[file]
        print(_line(by_file[file], file))
    for folder, counts in folders.items():
        print(_line(counts, f"{folder}: {_share(counts):.0%} noticed"))
    if len(results) < planned:
        print(f"The time was over before {planned - len(results)} others were tried.")
    for result in sorted(alive, key=lambda one: (one.change.file, one.change.line)):
        print(f"\n{result.verdict.value}: {result.change}\n  {_tests_of(result)}")
    return 1 if alive else 0


def _kind(result: Result) -> str:
    if result.verdict.is_noticed:
        return "killed"
    if why_harmless(result.change):
        return "harmless"
    return "not run" if result.verdict is Verdict.NOT_RUN else "alive"


def _tests_of(result: Result) -> str:
    run = len(result.tests)
    return f"{run} tests" if run >= result.reached else f"{run} of {result.reached} tests"


def _share(counts: Counter[str]) -> float:
    harmful = counts["tried"] - counts["harmless"]
    return counts["killed"] / harmful if harmful else 1.0


def _line(counts: Counter[str], name: str) -> str:
    return " ".join(f"{counts[key]:>8}" for key in COLUMNS) + f"  {name}"
