"""The text of a job's log on its way to the database."""

from __future__ import annotations

from typing import Final

from jobs.core.jsonutils import clean
from jobs.core.times import local

LOG_CUT: Final = "\n[the log is cut here: it is over its limit]\n"


class LogBuffer:
    """Collects log text: each line gets the time of day, and the whole log has a limit.

    Args:
        limit: characters that one attempt may log.
    """

    def __init__(self, limit: int) -> None:
        self._parts: list[str] = []
        self._left = limit
        self._at_line_start = True

    def add(self, text: str) -> None:
        """Append text as a stream does: a line may come in pieces."""
        if self._left <= 0 or not text:
            return
        for line in clean(text[: self._left]).splitlines(keepends=True):
            if self._at_line_start:
                self._parts.append(f"{local():%H:%M:%S} ")
            self._parts.append(line)
            self._at_line_start = line.endswith("\n")
        self._left -= len(text)
        if self._left <= 0:
            self._parts.append(LOG_CUT)

    def add_line(self, text: str) -> None:
        """Append whole lines."""
        self.add(("" if self._at_line_start else "\n") + text + "\n")

    def drain(self) -> str:
        """Return what was added since the last call."""
        parts, self._parts = self._parts, []
        return "".join(parts)
