"""Retention in the background: a thread of its own, so that deleting never delays an outcome."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from django.utils import timezone

from jobs import lifecycle
from jobs.core.db import connection

from .shutdown import Shutdown

logger = logging.getLogger("jobs")

PAUSE_SECONDS = 60.0
SHARE = 5
"""Deleting takes at most one part in so many of the time, however much there is to delete."""


class Pruner(threading.Thread):
    """Deletes what is over its retention once a minute, and looks for stray files in steps."""

    def __init__(self, stop: Shutdown) -> None:
        super().__init__(name="pruner", daemon=True)
        self._stop_asked = stop
        self._files = lifecycle.FileCollector()

    def run(self) -> None:
        """Prune until told to stop. What a consumer that was killed left is removed at once."""
        self._try(lifecycle.remove_stale_tempdirs)
        while not self._stop_asked.wait(PAUSE_SECONDS * random.uniform(0.5, 1.5)):  # noqa: S311
            self._try(self._prune_all)
            self._try(lambda: self._files.step(timezone.now()))
            self._try(lambda: lifecycle.fold_counters(timezone.now()))
            self._try(lifecycle.remove_stale_tempdirs)

    def _try(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001  (locked, full or away: next time)
            logger.info("What is old could not be deleted now: %s", error)
        finally:
            connection().close()

    def _prune_all(self) -> None:
        while True:
            began = time.monotonic()
            deleted = lifecycle.prune_chunk(timezone.now())
            pause = (SHARE - 1) * (time.monotonic() - began)
            if not deleted or self._stop_asked.wait(pause):
                return
