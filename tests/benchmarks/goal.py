"""A value that Jobdesk wants to reach, usually relative to other systems in the same run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.benchmarks.results import Results
from tests.benchmarks.stats import format_median
from tests.benchmarks.systems import systems

Bound = Callable[[Results], float | None]
SHOWN_PEERS = 3


@dataclass(frozen=True, slots=True)
class Floor:
    """A measurement without any job system, shown next to a goal."""

    system: str
    work: str
    key: str
    label: str = ""
    compared: bool = False
    """Whether to show Jobdesk's share of it."""

    def describe(self, results: Results, ours: Sequence[float]) -> str:
        """Return its label and value; an empty string when it was not measured in this run."""
        values = results.values(self.system, self.work, self.key)
        if not values:
            return ""
        text = f"{self.label or systems()[self.system].title}: {format_median(values)}"
        if not (self.compared and ours and statistics.median(values)):
            return text
        share = statistics.median(ours) / statistics.median(values)
        return f"{text} (Jobdesk has {share:.2f} of it)"


@dataclass(frozen=True, slots=True)
class Goal:
    """A value of one of Jobdesk's systems and the bound that it should keep.

    ``bound`` returns None when the systems it depends on were not measured in this run.
    """

    title: str
    work: str
    key: str
    bound: Bound
    bound_text: str
    system: str = "jobdesk"
    at_least: bool = False
    floors: tuple[Floor, ...] = ()

    def ours(self, results: Results) -> list[float]:
        """Jobdesk's values, one for each pass."""
        return results.values(self.system, self.work, self.key)

    def is_met(self, results: Results) -> bool | None:
        """Whether the median keeps the bound; None when that is unknown."""
        bound, ours = self.bound(results), self.ours(results)
        if bound is None or not ours:
            return None
        middle = statistics.median(ours)
        return middle >= bound if self.at_least else middle <= bound

    def best_peers(self, results: Results, group: str) -> list[tuple[str, list[float]]]:
        """Return the best other systems of a class and their values."""
        found = [
            (one.title.removesuffix(f", {group}").removesuffix(", SQLite"), values)
            for one in systems().values()
            if not one.ours and one.group == group
            if (values := results.values(one.name, self.work, self.key))
        ]
        found.sort(key=lambda each: statistics.median(each[1]), reverse=self.at_least)
        return found[:SHOWN_PEERS]


def exactly(value: float) -> Bound:
    """A bound that is a constant."""
    return lambda results: value


def times(factor: float, work: str, key: str, *names: str) -> Bound:
    """A multiple of the best of these systems in the same run."""

    def bound(results: Results) -> float | None:
        medians = [
            statistics.median(values)
            for name in names
            if (values := results.values(name, work, key))
        ]
        return factor * max(medians) if medians else None

    return bound


def best_of(group: str, work: str, key: str, *, least: bool = False) -> Bound:
    """The best other system of a class in the same run."""

    def bound(results: Results) -> float | None:
        medians = [
            statistics.median(values)
            for one in systems().values()
            if not one.ours and one.group == group
            if (values := results.values(one.name, work, key))
        ]
        return (min if least else max)(medians) if medians else None

    return bound
