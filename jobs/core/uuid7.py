"""UUIDs of version 7, which sort by the time they were made."""

from __future__ import annotations

import os
import threading
import time
import uuid
from array import array
from datetime import datetime

from .times import from_timestamp

_lock = threading.Lock()
_last = 0


def uuid7() -> uuid.UUID:
    """Return a UUID of version 7, greater than every one this process made before.

    48 bits of Unix milliseconds, then a counter in the 12 bits of ``rand_a`` (RFC 9562, section
    6.2, method 1 with a carry into the time), then 62 random bits. Increasing ids keep the index of
    the primary key dense, and the order of ids is the order of submission.
    """
    return uuid7s(1)[0]


def uuid7s(count: int) -> list[uuid.UUID]:
    """Return ``count`` UUIDs of version 7, in increasing order."""
    global _last
    with _lock:
        first = max(_last + 1, (time.time_ns() // 1_000_000) << 12)
        _last = first + count - 1
    numbers = array("Q", os.urandom(8 * count))
    return [_version7(first + n, number) for n, number in enumerate(numbers)]


def _version7(ticks: int, number: int) -> uuid.UUID:
    """Assemble a UUID from milliseconds and counter (60 bits together) and 64 random bits."""
    value = (ticks >> 12) << 80 | 0x7 << 76 | (ticks & 0xFFF) << 64
    return uuid.UUID(int=value | 0b10 << 62 | number >> 2)


def uuid7_time(value: uuid.UUID) -> datetime | None:
    """Return the time in a UUID of version 7; None for other versions or an impossible time."""
    if value.version != 7:
        return None
    try:
        return from_timestamp((value.int >> 80) / 1000)
    except (ValueError, OverflowError, OSError):
        return None


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in a notation that Python accepts."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def first_uuid7(seconds: float) -> uuid.UUID:
    """Return what no UUID of version 7 is smaller than that is made at this time, or later.

    Args:
        seconds: since 1970.
    """
    return uuid.UUID(int=int(seconds * 1000) << 80)
