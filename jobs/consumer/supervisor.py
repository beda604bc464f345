"""Keeps consumer processes running, for ``runconsumers`` and for ``up``.

Imports no part of a consumer, because the site's process runs it too.
"""

from __future__ import annotations

import logging
import time

from .health.processes import ProcessesHealth
from .restart_policy import DRAINED
from .shutdown import Shutdown
from .supervised_process import ProcessOptions, SupervisedProcess

logger = logging.getLogger("jobs")

POLL_SECONDS = 0.5
DRAIN_POLL_SECONDS = 0.05
LEAVE_SECONDS = 2.0
GAVE_UP = 1


class Supervisor:
    """Starts consumer processes and replaces those that die.

    Args:
        options: how they are started and replaced.
        processes: how many.
        stop: ends the supervisor.
        drain_seconds: how long they may take to drain before they are ended.
        health: what is to be kept up to date about them, if anybody asks.
    """

    def __init__(
        self,
        options: ProcessOptions,
        processes: int,
        stop: Shutdown,
        *,
        drain_seconds: float,
        health: ProcessesHealth | None = None,
    ) -> None:
        self._health = health
        self._processes = [
            SupervisedProcess(options, number + 1, alone=processes == 1)
            for number in range(processes)
        ]
        self._stop = stop
        self._drain_seconds = drain_seconds

    def run(self) -> int:
        """Supervise until told to stop, or until all have finished; return the exit code."""
        pause = 0.0
        while not self._stop.wait(pause):
            pause = POLL_SECONDS
            tended = [process.tend() for process in self._processes]
            if self._health is not None:
                self._health.look()
            if not all(tended):
                return self._give_up("Consumer processes die as soon as they start.")
            if all(process.cannot_start for process in self._processes):
                return self._give_up("No consumer process can be started.")
            if all(process.finished for process in self._processes):
                return DRAINED
        self._drain()
        return DRAINED

    def _give_up(self, why: str) -> int:
        logger.error("%s Giving up; see the messages above, and `python manage.py doctor`.", why)
        self._drain()
        return GAVE_UP

    def _drain(self) -> None:
        for process in self._processes:
            process.drain()
        self._wait_until_ended(self._drain_seconds)
        for process in self._processes:
            process.close_pipe()
        self._wait_until_ended(LEAVE_SECONDS)
        for process in self._processes:
            process.kill()

    def _wait_until_ended(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not all(one.has_ended() for one in self._processes):
            time.sleep(DRAIN_POLL_SECONDS)
