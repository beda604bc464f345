"""What ``runconsumers`` shows of its health: opened at its start, closed at its end."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from jobs.conf import get_conf

from . import Health, HealthOptions
from .consumer import ConsumerHealth
from .file import HealthFile
from .processes import ProcessesHealth
from .server import HealthServer

logger = logging.getLogger("jobs")

PREFIX: Final = "health-"
LEAVE_SECONDS: Final = 1.0
DAY_SECONDS: Final = 24 * 3600


class HealthReports:
    """The file and the port, for whatever consumes in this program at the moment.

    Raises:
        HealthError: the file cannot be written, or the port cannot be listened on.
    """

    def __init__(self, options: HealthOptions) -> None:
        self._lease_seconds = get_conf().lease_seconds
        self._file = None if options.file is None else HealthFile(options.file)
        self._processes: ProcessesHealth | None = None
        self._server = (
            None
            if options.port is None
            else HealthServer(options.address, options.port, ConsumerHealth(self._lease_seconds))
        )
        if self._server is not None:
            self._server.start()
            logger.info("health: %s/healthz and /readyz", self._server.url)

    def close(self) -> None:
        """Remove the files and close the port."""
        if self._server is not None:
            self._server.close(LEAVE_SECONDS)
        if self._processes is not None:
            self._processes.close()
        if self._file is not None:
            self._file.remove()

    @property
    def descriptors(self) -> list[int]:
        """What a process that a task forks must not hold open."""
        return [] if self._server is None else [self._server.descriptor]

    def of_consumer(self) -> ConsumerHealth:
        """Return what the consumer of this process is to keep up to date."""
        health = ConsumerHealth(self._lease_seconds, self._file)
        self._show(health)
        return health

    def of_processes(self, count: int) -> ProcessesHealth | None:
        """Return what the supervisor of so many processes is to keep up to date; None when nobody
        has asked for their health."""
        if self._file is None and self._server is None:
            return None
        folder = get_conf().data_dir.absolute() / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        _remove_old(folder)
        files = [folder / f"{PREFIX}{os.getpid()}-{number + 1}" for number in range(count)]
        self._processes = ProcessesHealth(files, self._lease_seconds, self._file)
        self._processes.close()
        self._show(self._processes)
        return self._processes

    def _show(self, health: Health) -> None:
        if self._server is not None:
            self._server.health = health


def _remove_old(folder: Path) -> None:
    """Remove what supervisors have left that were killed."""
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another one removes it
            if path.stat().st_mtime < time.time() - DAY_SECONDS:
                path.unlink()
