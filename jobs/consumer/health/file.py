"""The file that a consumer's heartbeats touch."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import NamedTuple

from . import HealthError

logger = logging.getLogger("jobs")


class Times(NamedTuple):
    """Seconds since 1970."""

    round: float
    """When the batch writer last went round its loop, whether the database answered or not."""
    heartbeat: float
    """When a heartbeat was last committed."""


class HealthFile:
    """A file whose time of modification is that of the last committed heartbeat.

    Its time of access is that of the batch writer's last round: two numbers for a supervisor, set
    by one call, which nobody can read half written. It is there from the first heartbeat on.

    Raises:
        HealthError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._has_failed = False
        try:
            with path.open("ab"):
                pass
            path.unlink()  # one that a killed process has left says nothing of this one
        except OSError as error:
            why = error.strerror or error
            raise HealthError(f"--health-file {path} cannot be written: {why}.") from None

    def write(self, times: Times) -> None:
        """Set its times; make it if it is not there. A failure is logged once."""
        try:
            try:
                os.utime(self.path, (times.round, times.heartbeat))
            except FileNotFoundError:
                self.path.touch()
                os.utime(self.path, (times.round, times.heartbeat))
            self._has_failed = False
        except OSError as error:
            if not self._has_failed:
                logger.warning("The health file %s cannot be written: %s", self.path, error)
            self._has_failed = True

    def remove(self) -> None:
        """Remove it: this process takes no more jobs."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


def read_times(path: Path) -> Times | None:
    """Return the times of a health file, None when it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Times(found.st_atime, found.st_mtime)
