"""Counts the requests of a log, block by block."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from heapq import heappush, heapreplace
from typing import NamedTuple

from .capped import CappedCounter
from .hours import HourCounter
from .pattern import moment, printable, split

MAX_PATH = 300
SAMPLES = 5


@dataclass(frozen=True, order=True)
class SlowRequest:
    """One request and how long it took."""

    seconds: float
    order: int  # falls with each request: of two equally slow ones the first is kept
    when: str
    path: str
    status: int


class Columns(NamedTuple):
    """The fields of a block's lines, in the order of ``pattern.FIELDS``."""

    hours: list[bytes]
    clocks: list[bytes]
    zones: list[bytes]
    paths: list[bytes]
    statuses: list[bytes]
    sizes: list[bytes]
    times: list[bytes]


class Tally:
    """The totals of all blocks fed so far, in memory that does not grow with the log.

    ``lines`` counts all lines, ``requests`` the well-formed ones, ``malformed`` the others except
    blank ones; ``samples`` shows the first few malformed lines as "line 17: ...".
    """

    def __init__(self, slowest: int = 20, max_paths: int = 40_000) -> None:
        self.lines = 0
        self.requests = 0
        self.malformed = 0
        self.samples: list[str] = []
        self.bytes_sent = 0
        self.timed = 0
        self.seconds = 0.0
        self.statuses: Counter[bytes] = Counter()
        self.paths = CappedCounter(max_paths)
        self.hours = HourCounter()
        self._keep_slowest = slowest
        self._slow: list[SlowRequest] = []

    @property
    def slowest(self) -> list[SlowRequest]:
        """The slowest requests, slowest first."""
        return sorted(self._slow, reverse=True)

    def feed(self, block: bytes) -> None:
        """Count a block of whole lines, the last of which ends in a line feed."""
        gaps, columns = split(block)
        if any(gaps):
            self._count_gaps(gaps)
        else:
            self.lines += len(columns[0])
        if gaps[1:]:
            self._count(Columns(*columns))

    def _count(self, columns: Columns) -> None:
        self.hours.update(columns.hours, columns.zones)
        self.statuses.update(columns.statuses)
        self.bytes_sent += sum(map(int, filter(None, columns.sizes)))
        paths = columns.paths
        if max(map(len, paths)) > MAX_PATH:
            paths = [path[:MAX_PATH] for path in paths]
        self.paths.update(paths)
        if any(columns.times):
            self._time(columns)
        self.requests += len(paths)

    def _time(self, columns: Columns) -> None:
        """Add up the request times and keep the slowest requests."""
        seconds = _seconds(columns.times)
        self.timed += len(seconds)
        self.seconds += sum(seconds)
        if max(seconds) <= self._slow_enough():
            return  # nearly always: the longer the log, the rarer a new slowest request
        for index, text in enumerate(columns.times):
            if text and _second(text) > self._slow_enough():
                self._keep(columns, index)

    def _slow_enough(self) -> float:
        """What a request time must exceed to be among the slowest."""
        return self._slow[0].seconds if len(self._slow) == self._keep_slowest else -1.0

    def _keep(self, columns: Columns, index: int) -> None:
        slow = SlowRequest(
            seconds=_second(columns.times[index]),
            order=-(self.requests + index),
            when=moment(columns.hours[index], columns.clocks[index], columns.zones[index]),
            path=printable(columns.paths[index]),
            status=int(columns.statuses[index]),
        )
        full = len(self._slow) == self._keep_slowest
        (heapreplace if full else heappush)(self._slow, slow)

    def _count_gaps(self, gaps: list[bytes]) -> None:
        """Count the lines between the well-formed ones."""
        for gap in gaps:
            for line in gap.split(b"\n")[:-1]:
                self.lines += 1
                if line.strip():
                    self._add_malformed(line)
            self.lines += 1
        self.lines -= 1  # no line follows the last gap

    def _add_malformed(self, line: bytes) -> None:
        self.malformed += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(f"line {self.lines:,}: {printable(line)}")


def _second(text: bytes) -> float:
    """Return a request time in seconds: with a point it is in seconds, without in microseconds."""
    return float(text) if b"." in text else int(text) / 1_000_000


def _seconds(times: list[bytes]) -> list[float]:
    """Return the request times that are there, a block that is all of one unit at once."""
    texts = list(filter(None, times))
    points = b"".join(texts).count(b".")
    if points == len(texts):
        return list(map(float, texts))
    return list(map(_second, texts)) if points else [n / 1_000_000 for n in map(int, texts)]
