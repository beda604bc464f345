"""Follows the endings of jobs in the background: on a thread of its own, so that no outcome waits
for what is sent of another."""

from __future__ import annotations

import logging
import random
import threading
from typing import Final

from jobs.conf import get_conf
from jobs.core.database_faults import one_line, reconnect_after
from jobs.core.db import DATABASE_ERRORS, connection
from jobs.errors import Unavailable
from jobs.lifecycle.followers import Followed, follower

from .shutdown import Shutdown

logger = logging.getLogger("jobs")

PAUSE_SECONDS: Final = 0.5
"""How often it looks while somebody wants to be told; otherwise as often as queues are polled."""
FAILED_SECONDS: Final = 5.0


class FollowerThread(threading.Thread):
    """Looks again and again for what has ended.

    Attributes:
        is_active: somebody wants to be told of endings, or did since the start.
    """

    def __init__(self, stop: Shutdown) -> None:
        super().__init__(name="follower", daemon=True)
        self.is_active = False
        self._stop_asked = stop
        self._said = False

    def run(self) -> None:
        """Follow until told to stop."""
        while not self._stop_asked.wait(self._follow() * random.uniform(0.8, 1.2)):  # noqa: S311
            continue
        connection().close()

    def _follow(self) -> float:
        """Look once; return the seconds until the next look."""
        try:
            found = self.look()
        except (*DATABASE_ERRORS, Unavailable) as error:
            # Where the database is away, the batch writer says so.
            logger.debug("Endings could not be followed now: %s", one_line(error))
            self._close(error)
            return FAILED_SECONDS
        except Exception:
            # The thread has to live: nothing else sends webhooks.
            level = logging.DEBUG if self._said else logging.ERROR
            logger.log(level, "Endings could not be followed. Trying again.", exc_info=True)
            self._said = True
            self._close(None)
            return FAILED_SECONDS
        self._said = False
        if found.more:
            return 0.0
        if found.is_active:
            return PAUSE_SECONDS
        connection().close()  # the server need not keep a connection for a look now and then
        return get_conf().sweep_seconds

    def look(self) -> Followed:
        """Look once, on the calling thread.

        Raises:
            DatabaseError, Unavailable: it cannot be done now.
        """
        found = follower().follow()
        self.is_active = self.is_active or found.is_active or found.inserted > 0
        return found

    @staticmethod
    def _close(error: Exception | None) -> None:
        if error is not None:
            reconnect_after(error)
        connection().close()
