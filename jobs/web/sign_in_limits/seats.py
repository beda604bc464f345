"""Seats for checking passwords: a hash is slow on purpose.

With Django's default of 1.2 million rounds one takes 0.5 s of a core. 24 at once on eight threads
and two cores kept everybody else waiting for 13 s.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PATIENCE_SECONDS: Final = 5.0
"""How long somebody waits for a seat, at most."""


class Seats:
    """Lets few threads of this process check passwords at once, and as many wait for that."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = 0
        self._waiting = 0

    @contextmanager
    def seat(self, number: int, patience: float = PATIENCE_SECONDS) -> Iterator[bool]:
        """Take a seat for the block; yields False where none becomes free.

        Args:
            number: how many seats there are, and how many threads may wait for one.
            patience: seconds that this thread waits.
        """
        free = self._take(number, time.monotonic() + patience)
        try:
            yield free
        finally:
            if free:
                with self._changed:
                    self._taken -= 1
                    self._changed.notify()

    def _take(self, number: int, deadline: float) -> bool:
        with self._changed:
            if self._taken >= number:
                if self._waiting >= number:
                    return False
                self._waiting += 1
                try:
                    self._changed.wait_for(
                        lambda: self._taken < number, deadline - time.monotonic()
                    )
                finally:
                    self._waiting -= 1
                if self._taken >= number:
                    return False
            self._taken += 1
            return True


seats = Seats()
