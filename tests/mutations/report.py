"""What a run has found, as a table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from .changes import Change
from .handmade import HARMLESS
from .sandbox import Verdict


class Result(NamedTuple):
    """A change, and what the tests that were chosen for it said."""

    change: Change
    verdict: Verdict
    tests: tuple[str, ...]


def why_harmless(change: Change) -> str:
    """Return why a change hurts nobody, where that is written down."""
    for harmless in HARMLESS:
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
        counts = by_file[result.change.file]
        counts["tried"] += 1
        if result.verdict.is_noticed:
            counts["killed"] += 1
        elif why_harmless(result.change):
            counts["harmless"] += 1
        else:
            counts["alive"] += 1
            alive.append(result)
    total: Counter[str] = Counter()
    print(f"\n{'tried':>6} {'killed':>6} {'harmless':>8} {'alive':>6}")
    for file in sorted(by_file):
        total += by_file[file]
        print(_line(by_file[file], file))
    print(_line(total, f"together: {_share(total):.0%} noticed"))
    if len(results) < planned:
        print(f"The time was over before {planned - len(results)} others were tried.")
    for result in sorted(alive, key=lambda one: (one.change.file, one.change.line)):
        print(f"\n{result.verdict.value}: {result.change}\n  {len(result.tests)} tests")
    return 1 if alive else 0


def _share(counts: Counter[str]) -> float:
    harmful = counts["tried"] - counts["harmless"]
    return counts["killed"] / harmful if harmful else 1.0


def _line(counts: Counter[str], name: str) -> str:
    numbers = (counts[key] for key in ("tried", "killed", "harmless", "alive"))
    return "{:>6} {:>6} {:>8} {:>6}  {}".format(*numbers, name)
