"""Identifiers that grow with time."""

from __future__ import annotations

import os
import threading
import time
import uuid
from datetime import UTC, datetime

_lock = threading.Lock()
_last = 0


def uuid7() -> uuid.UUID:
    """Return a UUID of version 7, greater than every one this process made before.

    48 bits of Unix milliseconds, then a counter in the 12 bits of ``rand_a`` (RFC 9562, section
    6.2, method 1 with a carry into the time), then 62 random bits. Growing ids keep the primary
    key's tree dense and make "first come" the order of the ids.
    """
    return uuid7s(1)[0]


def uuid7s(count: int) -> list[uuid.UUID]:
    """Return so many of them, in growing order."""
    global _last
    with _lock:
        first = max(_last + 1, (time.time_ns() // 1_000_000) << 12)
        _last = first + count - 1
    noise = os.urandom(8 * count)
    return [_version7(first + n, noise[8 * n : 8 * n + 8]) for n in range(count)]


def _version7(moment: int, noise: bytes) -> uuid.UUID:
    value = (moment >> 12) << 80 | 0x7 << 76 | (moment & 0xFFF) << 64
    return uuid.UUID(int=value | 0b10 << 62 | int.from_bytes(noise, "big") >> 2)


def uuid7_time(value: uuid.UUID) -> datetime | None:
    """Return when a version 7 UUID says it was made, None for any other version or a bad date."""
    if value.version != 7:
        return None
    try:
        return datetime.fromtimestamp((value.int >> 80) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in one of the usual spellings."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
