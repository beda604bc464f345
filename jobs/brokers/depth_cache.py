"""How many messages lie in a broker, for pages that ask often and must not wait for it.

A broker that hangs would hold up the page. So a thread asks, one at a time, and callers get the
cached value.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from jobs.core.shortages import try_start

from .registry import get_broker

logger = logging.getLogger("jobs")

FRESH_SECONDS: Final = 5.0
OLD_SECONDS: Final = 90.0
"""A depth as old as this is no longer returned; monitoring asks every minute at least."""


class DepthCache:
    """The last known depths, and the thread that asks for new ones.

    Args:
        ask: returns a queue's depth, or None when the broker cannot tell; may raise anything.
    """

    def __init__(self, ask: Callable[[str], int | None]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asking = False
        self._known: dict[str, tuple[float, int]] = {}
        self._asked_at = float("-inf")

    def of(self, queues: Sequence[str]) -> dict[str, int]:
        """Return what is known of these queues, at once; have them asked for the next call."""
        now = time.monotonic()
        with self._lock:
            due = not self._asking and now - self._asked_at >= FRESH_SECONDS
            self._asking = self._asking or due
            known = {queue: self._known[queue] for queue in queues if queue in self._known}
        if due and not try_start(
            threading.Thread(target=self._refresh, args=(list(queues),), daemon=True)
        ):
            with self._lock:
                self._asking = False
        return {queue: depth for queue, (at, depth) in known.items() if now - at < OLD_SECONDS}

    def _refresh(self, queues: Sequence[str]) -> None:
        try:
            for queue in queues:
                depth = self._ask(queue)
                if depth is None:
                    return  # nor would it tell of the next
                with self._lock:
                    self._known[queue] = (time.monotonic(), depth)
        except Exception as error:  # noqa: BLE001  (clients raise many kinds; this is for people)
            logger.info("The broker could not be asked how much it holds: %s", error)
        finally:
            with self._lock:
                self._asking = False
                self._asked_at = time.monotonic()


_cache = DepthCache(lambda queue: get_broker().depth(queue))


def known_depths(queues: Sequence[str]) -> dict[str, int]:
    """Return how many messages lie in the broker, for the queues of which that is known.

    It never waits: it returns what was found after the last call, so a first call returns nothing.
    A broker without messages has no depth that is not in the table.
    """
    return _cache.of(queues) if get_broker().takes_messages else {}
