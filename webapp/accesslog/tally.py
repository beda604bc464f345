"""Counts the requests of a log, block by block."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import NamedTuple

from .capped import CappedCounter
from .hours import HourCounter
from .pattern import printable, split
from .times import SlowRequest, Times, TimeUnit

MAX_PATH = 300
DIGEST = 8
SAMPLES = 5


class Columns(NamedTuple):
    """The fields of a block's lines, in the order of ``pattern.FIELDS``."""

    hours: list[bytes]
    clocks: list[bytes]
    zones: list[bytes]
    paths: list[bytes]
    statuses: list[bytes]
    sizes: list[bytes]
    tails: list[bytes]


class Tally:
    """The totals of all blocks fed so far, in memory that does not grow with the log.

    ``lines`` counts all lines, ``requests`` the well-formed ones, ``malformed`` the others except
    blank ones; ``samples`` shows the first few malformed lines as "line 17: ...". ``unit`` is that
    of times that are whole numbers.
    """

    def __init__(self, slowest: int = 20, max_paths: int = 40_000, unit: TimeUnit = "auto") -> None:
        self.lines = 0
        self.requests = 0
        self.malformed = 0
        self.samples: list[str] = []
        self.first_malformed = b""
        self.bytes_sent = 0
        self.statuses: Counter[bytes] = Counter()
        self.paths = CappedCounter(max_paths)
        self.hours = HourCounter()
        self.times = Times(slowest, unit)

    @property
    def slowest(self) -> list[SlowRequest]:
        """The slowest requests, slowest first."""
        return self.times.slowest()

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
            paths = list(map(_folded, paths))
        self.paths.update(paths)
        if any(columns.tails):
            self.times.add(self.requests, columns)
        self.requests += len(paths)

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
        self.first_malformed = self.first_malformed or line
        if len(self.samples) < SAMPLES:
            self.samples.append(f"line {self.lines:,}: {printable(line)}")


def _folded(path: bytes) -> bytes:
    """Return a path as it is, or its ends and a digest that tells it from others with these ends.

    A line may hold 64 KiB of path, and 40,000 of them are remembered.
    """
    if len(path) <= MAX_PATH:
        return path
    half = MAX_PATH // 2
    return path[:half] + b"..." + path[-half:] + blake2b(path, digest_size=DIGEST).digest()


def shown_path(path: bytes) -> bytes:
    """Return a key of ``Tally.paths`` as it is to be shown."""
    return path if len(path) <= MAX_PATH else path[:-DIGEST]
