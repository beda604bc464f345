"""The health of a supervisor's consumer processes, from a file that each of them keeps."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from .consumer import STUCK_SECONDS, silence
from .file import HealthFile, Times, read_times


class ProcessesHealth:
    """The processes together are as healthy as the worst of them.

    Args:
        files: the health file of each process.
        lease_seconds: as for ``ConsumerHealth``.
        file: to keep up to date, if one was asked for.
    """

    def __init__(
        self, files: Sequence[Path], lease_seconds: float, file: HealthFile | None = None
    ) -> None:
        self.files = files
        self._lease_seconds = lease_seconds
        self._file = file

    def look(self) -> None:
        """Keep the file up to date: it is as old as the oldest of the processes' files, and while
        one of them is missing it only grows older. The supervisor calls this."""
        if self._file is None:
            return
        found = self._times()
        if len(found) == len(self.files):
            self._file.write(_oldest(found))

    def close(self) -> None:
        """Remove what killed processes have left."""
        for path in self.files:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _times(self) -> list[Times]:
        return [times for path in self.files if (times := read_times(path)) is not None]

    # Health.

    def why_stuck(self) -> str:
        """Whether each process that lives goes on; one that died is replaced by the supervisor."""
        found = self._times()
        if found and time.time() - _oldest(found).round > STUCK_SECONDS:
            return "A consumer process is stuck."
        return ""

    def why_not_ready(self) -> str:
        """Whether all of them take jobs."""
        found = self._times()
        missing = len(self.files) - len(found)
        if missing:
            return f"Of {len(self.files)} consumer processes {missing} are not ready."
        return silence(time.time() - _oldest(found).heartbeat, self._lease_seconds)


def _oldest(found: Sequence[Times]) -> Times:
    return Times(min(one.round for one in found), min(one.heartbeat for one in found))
