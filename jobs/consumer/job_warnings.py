"""The warnings of an attempt, on their way to its job."""

from __future__ import annotations

from typing import Final

from jobs.core.jsonutils import clean

MOST: Final = 100
MAX_LENGTH: Final = 500
"""Characters that are kept of a warning. The log has all of them, whole."""


class Warnings:
    """Collects warnings; the job keeps the first ones and how many more there were."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._more = 0
        self._changed = False

    def add(self, text: str) -> None:
        """Add a warning."""
        self._changed = True
        if len(self._texts) < MOST:
            self._texts.append(clean(text)[:MAX_LENGTH])
        else:
            self._more += 1

    def drain(self) -> list[str] | None:
        """Return all of them if there are new ones since the last call, otherwise None."""
        if not self._changed:
            return None
        self._changed = False
        more = [f"and {self._more:,} more, which are in the log"] if self._more else []
        return self._texts + more
