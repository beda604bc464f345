"""In which order what is measured, what at a time, and how long that takes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.benchmarks.place import POSTGRES, REDIS
from tests.benchmarks.results import Results
from tests.benchmarks.systems.base import System

ONCE = frozenset({"rest", "crash", "one-dies", "long", "grown", "crowd", "price", "endure"})
"""One pass tells: many samples in it, a yes or no, or many minutes."""

WAITING = ("crash", "one-dies", "long")
"""Nearly all of it is waiting, so all of it is done at a time, once each has been set up."""

IDLE = {"pickup": 8, "rest": 16}
"""The systems rest but for a moment now and then: so many at a time."""

SECONDS = {
    "start": 4.5,
    "pickup": 4.0,
    "rest": 4.0,
    "burst": 8.0,
    "bulk": 9.0,
    "submit": 8.5,
    "compute": 6.0,
    "crash": 10.0,
    "one-dies": 8.0,
    "long": 5.0,
    "poll": 12.0,
    "crowd": 18.0,
    "grown": 70.0,
    "price": 20.0,
}
"""What one system takes for itself, as seen on two cores; and what all share then."""
SHARED_SECONDS = {"pickup": 35.0, "rest": 185.0, "crash": 140.0, "long": 150.0}
SURE_SECONDS = 60.0
"""After so much the pace of this machine is known."""


@dataclass(frozen=True, slots=True)
class Task:
    """One measurement."""

    system: System
    work: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is measured at a time."""

    tasks: tuple[Task, ...]
    number: int

    @property
    def title(self) -> str:
        """For the one who waits."""
        works = "+".join(dict.fromkeys(task.work for task in self.tasks))
        who = self.tasks[0].system.name if len(self.tasks) == 1 else f"{len(self.tasks)} at a time"
        return f"{works}, pass {self.number + 1}: {who}"

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        own = sum(SECONDS.get(task.work, 15.0) for task in self.tasks)
        return own + max(SHARED_SECONDS.get(task.work, 0.0) for task in self.tasks)

    @property
    def starts_together(self) -> bool:
        """Whether none begins before all are set up."""
        return self.tasks[0].work in IDLE


class Clock:
    """How long it has taken, and how long it will take at the pace seen so far."""

    def __init__(self, plan: Sequence[Chunk]) -> None:
        self.whole = sum(chunk.seconds for chunk in plan)
        self.done = 0.0
        self._begin = time.monotonic()

    def __str__(self) -> str:
        spent = time.monotonic() - self._begin
        pace = spent / self.done if self.done > SURE_SECONDS else 1.0
        about = spent + pace * (self.whole - self.done)
        return f"{spent / 60:.0f} of about {about / 60:.0f} min"


def chunks(
    systems: Sequence[System], works: Sequence[str], passes: int, have: Results
) -> Iterator[Chunk]:
    """All that is missing: each work by every system in turn, and then the next pass."""
    for number in range(passes):
        for group in _groups(works):
            able = [
                Task(system, work)
                for work in group
                for system in _turned(systems, number)
                if work in system.works
                and available(system)
                and (number == 0 or work not in ONCE)
                and have.count(system.name, work) <= number
            ]
            together = len(able) if group[0] in WAITING else IDLE.get(group[0], 1)
            for first in range(0, len(able), max(1, together)):
                yield Chunk(tuple(able[first : first + together]), number)


def available(system: System) -> bool:
    """Whether the servers that it needs are there."""
    needed = [REDIS] * system.redis + [POSTGRES] * system.postgres
    return all(os.environ.get(name) for name in needed)


def _groups(works: Sequence[str]) -> list[list[str]]:
    waiting = [work for work in works if work in WAITING]
    return [[work] for work in works if work not in WAITING] + ([waiting] if waiting else [])


def _turned(systems: Sequence[System], number: int) -> list[System]:
    """Who goes first has a cooler machine: everyone does once."""
    shift = number * max(1, len(systems) // 3) % max(1, len(systems))
    return [*systems[shift:], *systems[:shift]]
