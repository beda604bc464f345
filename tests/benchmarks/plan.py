"""The order of the measurements, what is measured concurrently, and the time that it takes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.benchmarks.results import Results
from tests.benchmarks.sandbox import POSTGRES, REDIS
from tests.benchmarks.systems.base import System

ONCE = frozenset(
    {
        "rest",
        "crash",
        "one-dies",
        "long",
        "grown",
        "crowd",
        "waiters",
        "feed",
        "webhooks",
        "price",
        "prune",
        "endure",
    }
)
"""One pass is enough: it has many samples, answers yes or no, or takes many minutes."""

MOSTLY_WAITING = ("crash", "one-dies", "long")
"""Nearly all of it is waiting, so all of it runs concurrently, once each system has been set up."""

CONCURRENT = {"pickup": 8, "rest": 16}
"""The systems are idle except for short moments: this many run concurrently."""

SECONDS = {
    "start": 4.5,
    "pickup": 4.0,
    "rest": 4.0,
    "burst": 8.0,
    "bulk": 9.0,
    "bulk-http": 12.0,
    "submit": 8.5,
    "compute": 6.0,
    "crash": 10.0,
    "one-dies": 8.0,
    "long": 5.0,
    "poll": 12.0,
    "crowd": 18.0,
    "waiters": 35.0,
    "feed": 60.0,
    "webhooks": 40.0,
    "grown": 70.0,
    "price": 20.0,
    "prune": 120.0,
}
"""Seconds that one system takes alone, measured on two cores; the next: what all share."""
SHARED_SECONDS = {"pickup": 35.0, "rest": 185.0, "crash": 140.0, "long": 150.0}
ESTIMATE_SECONDS = 60.0
"""After this much planned work the speed of this machine is known."""


@dataclass(frozen=True, slots=True)
class Task:
    """One measurement."""

    system: System
    work: str


@dataclass(frozen=True, slots=True)
class Step:
    """What is measured concurrently."""

    tasks: tuple[Task, ...]
    number: int

    @property
    def title(self) -> str:
        """The line that is printed when it begins."""
        works = "+".join(dict.fromkeys(task.work for task in self.tasks))
        system = (
            self.tasks[0].system.name if len(self.tasks) == 1 else f"{len(self.tasks)} at a time"
        )
        return f"{works}, pass {self.number + 1}: {system}"

    @property
    def seconds(self) -> float:
        """The estimated seconds."""
        own = sum(SECONDS.get(task.work, 15.0) for task in self.tasks)
        return own + max(SHARED_SECONDS.get(task.work, 0.0) for task in self.tasks)

    @property
    def starts_together(self) -> bool:
        """Whether no measurement begins before all are set up."""
        return self.tasks[0].work in CONCURRENT


class ProgressClock:
    """The time spent, and the whole time at the speed seen so far."""

    def __init__(self, plan: Sequence[Step]) -> None:
        self.whole = sum(step.seconds for step in plan)
        self.done = 0.0
        self._begin = time.monotonic()

    def __str__(self) -> str:
        spent = time.monotonic() - self._begin
        pace = spent / self.done if self.done > ESTIMATE_SECONDS else 1.0
        estimate = spent + pace * (self.whole - self.done)
        return f"{spent / 60:.0f} of about {estimate / 60:.0f} min"


def plan_steps(
    systems: Sequence[System], works: Sequence[str], passes: int, results: Results
) -> Iterator[Step]:
    """Yield what is missing: each work with every system in turn, then the next pass."""
    for number in range(passes):
        for group in _groups(works):
            tasks = [
                Task(system, work)
                for work in group
                for system in _rotated(systems, number)
                if work in system.works
                and available(system)
                and (number == 0 or work not in ONCE)
                and results.count(system.name, work) <= number
            ]
            together = len(tasks) if group[0] in MOSTLY_WAITING else CONCURRENT.get(group[0], 1)
            for first in range(0, len(tasks), max(1, together)):
                yield Step(tuple(tasks[first : first + together]), number)


def available(system: System) -> bool:
    """Whether the servers that it needs are configured."""
    needed = [REDIS] * system.redis + [POSTGRES] * system.postgres
    return all(os.environ.get(name) for name in needed)


def _groups(works: Sequence[str]) -> list[list[str]]:
    waiting = [work for work in works if work in MOSTLY_WAITING]
    return [[work] for work in works if work not in MOSTLY_WAITING] + ([waiting] if waiting else [])


def _rotated(systems: Sequence[System], number: int) -> list[System]:
    """The first system has a cooler machine, so each pass begins with another one."""
    shift = number * max(1, len(systems) // 3) % max(1, len(systems))
    return [*systems[shift:], *systems[:shift]]
