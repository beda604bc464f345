"""A line of a log that says of a fault that it lasts, and not more often than once a minute."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

INTERVAL_SECONDS: Final = 60.0
MOST_KINDS: Final = 100


@dataclass(slots=True)
class _Fault:
    began: float
    seen: float
    said: float


class RareLine:
    """Tells when a line about a fault is due; each kind of fault has its own minute.

    A fault that is not seen for a minute is over: the next one of its kind is a new one. Any thread
    may call.

    Args:
        clock: seconds from any time on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._faults: dict[Hashable, _Fault] = {}

    def due(self, kind: Hashable = None) -> str | None:
        """Note that a fault was met, and return what the line is to say of its length: "" when it
        has just begun, " for 3 min" later. None: no line is due."""
        now = self._clock()
        with self._lock:
            fault = self._faults.get(kind)
            if fault is None or now - fault.seen > INTERVAL_SECONDS:
                if len(self._faults) >= MOST_KINDS:
                    self._faults.clear()
                self._faults[kind] = _Fault(began=now, seen=now, said=now)
                return ""
            fault.seen = now
            if now - fault.said < INTERVAL_SECONDS:
                return None
            fault.said = now
            return f" for {_minutes(now - fault.began)}"

    def warn(self, logger: logging.Logger, text: str, said: object, kind: Hashable = None) -> None:
        """Log a warning about a fault if it is due.

        Args:
            logger: where to.
            text: with a place (``%s``) for how long it lasts, and one for ``said``.
            said: what is known of the fault.
            kind: which fault it is.
        """
        how_long = self.due(kind)
        if how_long is not None:
            logger.warning(text, how_long, said, stacklevel=2)

    def over(self) -> None:
        """Note that all is well: the next fault is a new one."""
        with self._lock:
            self._faults.clear()


def _minutes(seconds: float) -> str:
    hours, minutes = divmod(int(seconds // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


unusable_database: Final = RareLine()
"""Of all requests of a process together: each of them is a 503 while the database is away."""
