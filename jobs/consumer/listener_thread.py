"""The thread of a consumer that listens for wake-ups and has queues polled for them."""

from __future__ import annotations

import logging
import threading
import time

from jobs.brokers.base import Listener

from .maintenance import Maintenance
from .queue_polls import QueuePolls
from .thread_signals import ThreadSignals

logger = logging.getLogger("jobs")

LISTEN_SECONDS = 60.0
BROKEN_SECONDS = 5.0
DEAF_SECONDS = 0.003


class ListenerThread(threading.Thread):
    """Listens until the process stops taking jobs."""

    def __init__(
        self,
        listener: Listener,
        polls: QueuePolls,
        maintenance: Maintenance,
        signals: ThreadSignals,
    ) -> None:
        super().__init__(name="listener", daemon=True)
        self._listener = listener
        self._polls = polls
        self._maintenance = maintenance
        self._signals = signals

    def close(self, seconds: float) -> None:
        """End it, once nothing new is taken; wait at most so long."""
        self._listener.close()
        self.join(seconds)

    def run(self) -> None:
        """Listen; a listener that breaks is tried again."""
        broken = False
        while not self._signals.stopping:
            try:
                woken = self._listener.wait(LISTEN_SECONDS)
            except Exception as error:  # noqa: BLE001  (drivers raise many kinds; none may end it)
                # Polling finds every job meanwhile, only later. Said once, on one line.
                if not broken:
                    why = " ".join(str(error).split()) or type(error).__name__
                    logger.warning("New jobs are noticed late, the listener broke: %s", why)
                broken = True
                self._signals.pause(BROKEN_SECONDS)
                continue
            if broken:
                logger.warning("The listener is back.")
                broken = False
            if woken:
                self._maintenance.notified()
                self._polls.request_poll(self._listener.queues)
                # Coalesce wake-ups until the pending poll ran: not every commit on a busy table
                # needs to be heard. The sleep yields the GIL while the job that caused the
                # wake-up goes from thread to thread.
                time.sleep(DEAF_SECONDS)
                self._polls.wait_until_polled(LISTEN_SECONDS)
