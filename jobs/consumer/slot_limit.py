"""How many slots a process uses: fewer for a while when its machine has too little of something."""

from __future__ import annotations

import logging
import time
from typing import Final

logger = logging.getLogger("jobs")

FIRST_HOLD: Final = 0.5
LONGEST_HOLD: Final = 30.0
"""Seconds in which nothing is claimed after a failure while nothing ran that could end and so make
room: otherwise a whole queue would be claimed and handed back, a job in a millisecond."""
RAISE_SECONDS: Final = 10.0
"""So long after the last failure the slots are doubled, and again after as long, up to all."""
LONGEST_RAISE: Final = 320.0
"""Of a limit that lasts, each try costs one job a pause: so the tries become rare."""


class SlotLimit:
    """The slots in use. Its callers hold the lock of the slots.

    Attributes:
        slots: all that there are.
        is_short: whether fewer are used, or it is not known yet that all can be.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.is_short = False
        self._limit = slots
        self._hold = FIRST_HOLD
        self._held_until = 0.0
        self._raise_seconds = RAISE_SECONDS
        self._raise_at = 0.0
        self._was_raised = False
        self._in_child = False

    def usable(self) -> int:
        """Return how many attempts may run now."""
        now = time.monotonic()
        if now < self._held_until:
            return 0
        if self._limit < self.slots and now >= self._raise_at:
            self._limit = min(self.slots, self._limit * 2)
            self._raise_at = now + self._raise_seconds
            self._was_raised = True
        return self._limit

    def lower(self, why: str, *, busy: int, in_child: bool) -> None:
        """Note that an attempt could not be begun, or not go on.

        Args:
            why: what there was too little of, for people.
            busy: how many attempts run nevertheless.
            in_child: whether it was to run in a child process.
        """
        now = time.monotonic()
        if self._was_raised:  # too early, or too far
            self._raise_seconds = min(LONGEST_RAISE, self._raise_seconds * 2)
            self._was_raised = False
        self._limit = max(1, min(self._limit, busy))
        if busy == 0:
            self._held_until = now + self._hold
            self._hold = min(LONGEST_HOLD, self._hold * 2)
        self._raise_at = max(now, self._held_until) + self._raise_seconds
        if not self.is_short:
            logger.warning(
                "%s. The job is handed back at no cost; of the slots (%d) fewer are used for now.",
                why[:1].upper() + why[1:],
                self.slots,
            )
        self.is_short = True
        self._in_child = in_child

    def ended(self, *, in_child: bool) -> None:
        """Note that an attempt has run. One of the same kind is the proof that all is well."""
        self._hold = FIRST_HOLD
        if self._limit == self.slots and in_child == self._in_child:
            logger.warning("There is enough again: all slots (%d) are used.", self.slots)
            self.is_short = self._was_raised = False
            self._raise_seconds = RAISE_SECONDS
