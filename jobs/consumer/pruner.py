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

logger = logging.getLogger("jobs")

PAUSE_SECONDS = 60.0
SHARE = 5
"""Deleting takes at most one part in so many of the time, however much there is to delete."""


def prune_for_ever(wait: Callable[[float], bool]) -> None:
    """Prune once a minute, until ``wait`` (which sleeps so many seconds) says to end. And look
    for stray files, one step a minute."""
    sweeper = lifecycle.FileCollector()
    while not wait(PAUSE_SECONDS * random.uniform(0.5, 1.5)):  # noqa: S311
        try:
            _prune_all(wait)
            sweeper.step(timezone.now())
        except Exception as error:  # noqa: BLE001  (locked, full or away: next time)
            logger.info("Old jobs could not be deleted now: %s", error)
        finally:
            connection().close()


def _prune_all(wait: Callable[[float], bool]) -> None:
    while True:
        began = time.monotonic()
        gone = lifecycle.prune_chunk(timezone.now())
        if not gone or wait((SHARE - 1) * (time.monotonic() - began)):
            return


def start(wait: Callable[[float], bool]) -> None:
    """Start the thread."""
    threading.Thread(target=prune_for_ever, args=(wait,), name="pruner", daemon=True).start()
