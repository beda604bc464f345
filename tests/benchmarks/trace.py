"""Reads the file that the jobs write: when each one started and ended, and in which process."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

POLL_SECONDS = 0.01


class Moment(NamedTuple):
    """A time, and the process."""

    at: float
    pid: int


class Trace:
    """The starts and ends of all jobs so far, by the job's name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.starts: dict[str, list[Moment]] = defaultdict(list)
        self.ends: dict[str, list[Moment]] = defaultdict(list)
        path.touch()

    def read(self) -> None:
        """Read the complete lines that are new."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        for line in data[:whole].decode().splitlines():
            event, ident, at, pid = line.split()
            side = self.starts if event == "S" else self.ends
            side[ident].append(Moment(float(at), int(pid)))

    def wait_start(self, ident: str, timeout: float) -> Moment | None:
        """Wait for a job's first start; None when there was none in time."""
        self.wait(lambda: ident in self.starts, timeout)
        return self.starts[ident][0] if ident in self.starts else None

    def wait_count(self, prefix: str, count: int, timeout: float, *, ended: bool = False) -> int:
        """Wait until so many jobs whose names begin alike have started; return how many have."""
        side = self.ends if ended else self.starts

        def count_seen() -> int:
            return sum(ident.startswith(prefix) for ident in side)

        self.wait(lambda: count_seen() >= count, timeout)
        return count_seen()

    def wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Read until a condition holds; return whether it did in time."""
        end = time.monotonic() + timeout
        while True:
            self.read()
            if condition():
                return True
            if time.monotonic() > end:
                return False
            time.sleep(POLL_SECONDS)

    def twice(self, prefix: str) -> list[str]:
        """Return the jobs that started more than once."""
        return [
            ident
            for ident, starts in self.starts.items()
            if ident.startswith(prefix) and len(starts) > 1
        ]
