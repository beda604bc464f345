"""NDJSON as it comes: bytes to lines, none of which is kept beyond its limit."""

from __future__ import annotations

import math
from typing import Any, Final

from pydantic_core import from_json

from .strict_json import MAX_DEPTH, parse

NDJSON: Final = "application/x-ndjson"
_INSIDE: Final = frozenset({dict, list, float})
_NEVER: Final = -(2**60)
NAMES: Final = frozenset({NDJSON, "application/ndjson", "application/jsonl"})


class LineSplitter:
    """Splits bytes at line feeds. A line over the limit is None, and is not kept in memory.

    Args:
        limit: bytes that a line may have.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._begun: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes | None]:
        """Return the lines that are complete with this data."""
        first, *rest = data.split(b"\n")
        self._append(first)
        if not rest:
            return []
        *whole, last = rest
        found = [self._take(), *(one if len(one) <= self._limit else None for one in whole)]
        self._append(last)
        return found

    def end(self) -> list[bytes | None]:
        """Return the last line, if it did not end with a line feed."""
        return [self._take()] if self._size else []

    def _append(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= self._limit:
            self._begun.append(data)
        else:
            self._begun.clear()

    def _take(self) -> bytes | None:
        line = b"".join(self._begun) if self._size <= self._limit else None
        self._begun, self._size = [], 0
        return line


def parse_line(line: bytes) -> Any:
    """Return the value of a line; as ``strict_json.parse``, but faster where nothing is in doubt.

    A text in which there are as many names as their colons gives none of them twice; one without a
    backslash holds nothing that cannot be stored. Such are most of
    them: 2.4 microseconds instead of 3.4.

    Raises:
        ApiError: as ``parse``.
    """
    if b"\\" not in line and line.count(b"[") + line.count(b"{") <= MAX_DEPTH:
        try:
            value = from_json(line, allow_inf_nan=False)
        except ValueError:
            return parse(line)
        if type(value) in _INSIDE and _names(value) == line.count(b'":'):
            return value
    return parse(line)


def _names(value: Any) -> int:
    """Count the names in a value; it is negative where a number is too large for a float."""
    if isinstance(value, dict):
        return len(value) + sum(_names(one) for one in value.values() if type(one) in _INSIDE)
    if isinstance(value, list):
        return sum(_names(one) for one in value if type(one) in _INSIDE)
    return _NEVER if math.isinf(value) else 0
