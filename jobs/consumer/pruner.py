"""Retention in the background: a thread of its own, so that deleting never delays an outcome."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from jobs import lifecycle
from jobs.core.database_faults import one_line
from jobs.core.db import connection

from .prune_pace import PrunePace
from .shutdown import Shutdown

logger = logging.getLogger("jobs")

PAUSE_SECONDS = 60.0
ALL_UPLOADS_AFTER = timedelta(days=1)
"""How often all uploads are searched for unused ones; in between only those of the last day."""


class Pruner(threading.Thread):
    """Deletes what is over its retention once a minute, and looks for stray files in steps."""

    def __init__(self, stop: Shutdown) -> None:
        super().__init__(name="pruner", daemon=True)
        self._stop_asked = stop
        self._files = lifecycle.FileCollector()
        self._pace = PrunePace(connection().vendor)
        self._said = False
        self._uploads_from: datetime | None = None
        self._all_uploads_at: datetime | None = None

    def run(self) -> None:
        """Prune until told to stop. What a consumer that was killed left is removed at once."""
        self._try(lifecycle.remove_stale_tempdirs)
        while not self._stop_asked.wait(PAUSE_SECONDS * random.uniform(0.5, 1.5)):  # noqa: S311
            self._try(self._prune)
            self._try(lambda: self._files.step(timezone.now()))
            self._try(lambda: lifecycle.fold_counters(timezone.now()))
            self._try(lifecycle.remove_stale_tempdirs)

    def _prune(self) -> None:
        self.prune_all(timezone.now())
        self._said = False

    def _try(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001  (locked, full or away: next time)
            # Where the database is away, the batch writer says so, and how long: this is one line.
            if not self._said:
                logger.info("What is old could not be deleted now: %s", one_line(error))
            self._said = True
        finally:
            connection().close()

    def prune_all(self, now: datetime) -> None:
        """Delete what is over its retention now, with pauses; stop in between when told to."""
        one = lifecycle.PruneRun(now, self._first_upload(now))
        consumers = lifecycle.count_living()
        while not one.is_done:
            began = time.monotonic()
            rows = one.step(self._pace.limit)
            seconds = time.monotonic() - began
            self._pace.adapt(seconds, rows)
            pause = self._pace.pause(seconds, one.overdue, consumers)
            if not one.is_done and self._stop_asked.wait(pause):
                return
        self._uploads_from = now - lifecycle.UPLOADS_KEPT

    def _first_upload(self, now: datetime) -> datetime | None:
        """Uploads before this one have been looked at: they are deleted with their last job."""
        last = self._all_uploads_at
        if last is None or now - last > ALL_UPLOADS_AFTER:
            self._all_uploads_at = now
            return None
        return self._uploads_from
