"""The consumer processes beside the site."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable

from django.conf import settings

from jobs.conf import get_conf
from jobs.consumer.shutdown import Shutdown
from jobs.consumer.supervised_process import ProcessOptions
from jobs.consumer.supervisor import LEAVE_SECONDS, Supervisor

logger = logging.getLogger("webapp.up")

MANY_QUICK_DEATHS = 5
RELEASE_SECONDS = 2.0
"""How long a process may take after the grace time, to release its jobs and to write that."""


class SiteConsumers:
    """Runs consumer processes until told to stop, and forwards what they write.

    They are never given up: after several quick deaths a message says so, and they are started
    again twice a minute, while the site serves and accepts jobs. The cause may go away (a full
    disk, a database that is away).

    Args:
        processes: how many.
        write: called with each line of their output.
        stop: ends them.
    """

    def __init__(self, processes: int, write: Callable[[str], None], stop: Shutdown) -> None:
        self._not_ready = processes
        self._lock = threading.Lock()
        self._write = write
        self._stop = stop
        self._settled = threading.Event()
        self._drain_seconds = get_conf().grace_seconds + RELEASE_SECONDS
        options = ProcessOptions(
            command=[
                sys.executable,
                str(settings.BASE_DIR / "manage.py"),
                "runconsumers",
                "--parent-pipe",
            ],
            environment=os.environ
            | {
                "PYTHONUNBUFFERED": "1",
                "PYTHONIOENCODING": "utf-8:backslashreplace",
            },
            on_output=self._forward,
            restart=self._restart,
        )
        supervisor = Supervisor(options, processes, stop, drain_seconds=self._drain_seconds)
        self._thread = threading.Thread(target=supervisor.run, name="consumers", daemon=True)

    def start(self) -> None:
        """Start the processes and the thread that supervises them."""
        self._thread.start()

    def wait_settled(self, seconds: float) -> bool:
        """Wait until all are ready, or one has died too often; return whether that is so."""
        return self._settled.wait(seconds)

    def stop(self) -> None:
        """Wait until the processes have drained; end them after their grace time."""
        self._stop.request()
        # The supervisor waits for as long, then for the pipe's end to be noticed, then kills.
        self._thread.join(self._drain_seconds + 2 * LEAVE_SECONDS)

    def _forward(self, line: str) -> None:
        self._write(line)
        if " ready:" in line or line.strip() == "ready":
            with self._lock:
                self._not_ready -= 1
            if self._not_ready <= 0:
                self._settled.set()

    def _restart(self, quick_deaths: int) -> bool:
        if quick_deaths == MANY_QUICK_DEATHS:
            logger.error(
                "The consumers die as soon as they start, so no job is run. The site goes on and "
                "takes jobs. Look at the messages above and at `python manage.py doctor`."
            )
            self._settled.set()
        return True
