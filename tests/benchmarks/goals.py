"""A figure that Jobdesk wants to reach, most of them against the others of the same run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.benchmarks.figures import median_and_range
from tests.benchmarks.results import Results
from tests.benchmarks.systems import systems

Bound = Callable[[Results], float | None]
SHOWN_PEERS = 3


@dataclass(frozen=True, slots=True)
class Floor:
    """Something without any job system to look at beside a figure, and its figure's name."""

    system: str
    work: str
    key: str
    called: str = ""
    compared: bool = False
    """Whether to say how much of it Jobdesk reaches."""

    def tell(self, results: Results, ours: Sequence[float]) -> str:
        """Return what it is called and its figure; nothing when it was not in this run."""
        values = results.values(self.system, self.work, self.key)
        if not values:
            return ""
        said = f"{self.called or systems()[self.system].title}: {median_and_range(values)}"
        if not (self.compared and ours and statistics.median(values)):
            return said
        share = statistics.median(ours) / statistics.median(values)
        return f"{said} (Jobdesk has {share:.2f} of it)"


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure of one of our systems and the bound it should keep.

    ``bound`` returns None when what it is measured against was not in this run.
    """

    what: str
    work: str
    key: str
    bound: Bound
    told: str
    system: str = "jobdesk"
    at_least: bool = False
    floors: tuple[Floor, ...] = ()

    def ours(self, results: Results) -> list[float]:
        """Our figures, one a pass."""
        return results.values(self.system, self.work, self.key)

    def is_met(self, results: Results) -> bool | None:
        """Whether the median keeps the bound; None when that can't be said."""
        bound, ours = self.bound(results), self.ours(results)
        if bound is None or not ours:
            return None
        middle = statistics.median(ours)
        return middle >= bound if self.at_least else middle <= bound

    def best_peers(self, results: Results, group: str) -> list[tuple[str, list[float]]]:
        """The best of the others of a class, and their figures."""
        found = [
            (one.title.removesuffix(f", {group}").removesuffix(", SQLite"), values)
            for one in systems().values()
            if not one.ours and one.group == group
            if (values := results.values(one.name, self.work, self.key))
        ]
        found.sort(key=lambda each: statistics.median(each[1]), reverse=self.at_least)
        return found[:SHOWN_PEERS]


def exactly(value: float) -> Bound:
    """A bound that is a number."""
    return lambda results: value


def times(factor: float, work: str, key: str, *names: str) -> Bound:
    """So many times the best of these systems, in the same run."""

    def bound(results: Results) -> float | None:
        medians = [
            statistics.median(values)
            for name in names
            if (values := results.values(name, work, key))
        ]
        return factor * max(medians) if medians else None

    return bound


def best_of(group: str, work: str, key: str, *, least: bool = False) -> Bound:
    """The best of all others of a class, in the same run."""

    def bound(results: Results) -> float | None:
        medians = [
            statistics.median(values)
            for one in systems().values()
            if not one.ours and one.group == group
            if (values := results.values(one.name, work, key))
        ]
        return (min if least else max)(medians) if medians else None

    return bound
