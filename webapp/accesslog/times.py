"""The times that requests took: their number, their sum and the slowest of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappush, heapreplace
from typing import TYPE_CHECKING, Literal

from .pattern import moment, printable_ends
from .seconds import read_tails

if TYPE_CHECKING:
    from .tally import Columns

TimeUnit = Literal["auto", "seconds", "milliseconds", "microseconds"]
PER_SECOND = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000}
# No web server reads and answers a request within ten microseconds: most of a log's whole numbers
# below it are seconds (Apache's %T; most requests take 0 of them).
FEWEST_MICROSECONDS = 10


@dataclass(frozen=True, order=True)
class SlowRequest:
    """One request and how long it took."""

    seconds: float
    order: int  # falls with each request: of two equally slow ones the first is kept
    when: str
    path: str
    status: int


class _Slowest:
    """Numbers by line: how many, their sum, and the largest of them with their requests."""

    def __init__(self, keep: int) -> None:
        self.count = 0
        self.total: float = 0
        self._keep = keep
        self._kept: list[SlowRequest] = []

    def add(self, numbers: Sequence[float | None], before: int, columns: Columns) -> None:
        """Add the numbers of a block's lines, before which ``before`` requests were counted."""
        found = [number for number in numbers if number is not None]
        if not found:
            return
        self.count += len(found)
        self.total += sum(found)
        if max(found) <= self._enough():
            return  # nearly always: the longer the log, the rarer a new slowest request
        for index, number in enumerate(numbers):
            if number is not None and number > self._enough():
                self._keep_one(number, index, before, columns)

    def _enough(self) -> float:
        """What a number must exceed to be among the largest."""
        return self._kept[0].seconds if len(self._kept) == self._keep else -1.0

    def _keep_one(self, number: float, index: int, before: int, columns: Columns) -> None:
        slow = SlowRequest(
            seconds=number,
            order=-(before + index),
            when=moment(columns.hours[index], columns.clocks[index], columns.zones[index]),
            path=printable_ends(columns.paths[index]),
            status=int(columns.statuses[index]),
        )
        full = len(self._kept) == self._keep
        (heapreplace if full else heappush)(self._kept, slow)

    def scaled(self, per_second: int) -> Iterator[SlowRequest]:
        """Yield the kept requests, their numbers divided."""
        for slow in self._kept:
            yield SlowRequest(
                slow.seconds / per_second, slow.order, slow.when, slow.path, slow.status
            )


class Times:
    """The times of all requests so far; ``unit`` is that of whole numbers."""

    def __init__(self, keep: int, unit: TimeUnit = "auto") -> None:
        self._keep = keep
        self._unit = unit
        self._seconds = _Slowest(keep)
        self._wholes = _Slowest(keep)
        self._short = 0

    def add(self, before: int, columns: Columns) -> None:
        """Add the times of a block's lines, before which ``before`` requests were counted."""
        seconds, wholes = read_tails(columns.tails)
        self._seconds.add(seconds, before, columns)
        self._wholes.add(wholes, before, columns)
        self._short += len([n for n in wholes if n is not None and n < FEWEST_MICROSECONDS])

    @property
    def points(self) -> int:
        """How many requests have a time with a decimal point or a unit."""
        return self._seconds.count

    @property
    def wholes(self) -> int:
        """How many requests have a time that is a whole number."""
        return self._wholes.count

    @property
    def unit(self) -> TimeUnit:
        """The unit of whole numbers: as given, or found by how small they are."""
        if self._unit != "auto":
            return self._unit
        return "seconds" if self._short * 2 > self._wholes.count else "microseconds"

    @property
    def mean(self) -> float | None:
        """The mean in seconds, of the requests that have a time."""
        count = self.points + self.wholes
        if not count:
            return None
        return (self._seconds.total + self._wholes.total / PER_SECOND[self.unit]) / count

    def slowest(self) -> list[SlowRequest]:
        """Return the slowest requests, slowest first."""
        wholes = self._wholes.scaled(PER_SECOND[self.unit])
        return sorted([*self._seconds.scaled(1), *wholes], reverse=True)[: self._keep]
