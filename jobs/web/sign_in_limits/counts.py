"""How many attempts to sign in there were, in Django's cache.

The cache is the one place that Django has for this in every project. Without a setting it is the
memory of each process, so that a limit counts for each process by itself; a cache that processes
share (Redis, memcached, the database) makes it one limit for all.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Final

from django.core.cache import cache

logger = logging.getLogger("jobs")

WINDOW_SECONDS: Final = 600
"""Attempts are counted from one multiple of this to the next."""


def take(kind: str, value: str, now: float) -> int:
    """Count an attempt; return how many there are in this window, with it.

    A cache that cannot be used counts as the first attempt: nobody could sign in otherwise. The
    password is still checked, few at a time.

    Args:
        kind: what is counted: "account", "address" or "browser".
        value: which one; only its hash is stored.
        now: the time, in seconds since 1970.
    """
    key = _key(kind, value, now)
    try:
        cache.add(key, 0, WINDOW_SECONDS)
        return int(cache.incr(key))
    except ValueError:  # it ended in between, or the cache keeps nothing
        return 1
    except Exception as error:  # noqa: BLE001  (each cache raises exceptions of its own)
        logger.warning("Attempts to sign in are not counted: the cache says: %s", error)
        return 1


def give_back(kind: str, value: str, now: float) -> None:
    """Count an attempt no more: it was no failure. Never raises."""
    try:
        cache.decr(_key(kind, value, now))
    except ValueError:
        return
    except Exception as error:  # noqa: BLE001  (as above)
        logger.warning("Attempts to sign in are not counted: the cache says: %s", error)


def seconds_left(now: float) -> int:
    """Return when this window ends, in seconds; at least 1."""
    return max(1, round(WINDOW_SECONDS - now % WINDOW_SECONDS))


def _key(kind: str, value: str, now: float) -> str:
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"jobs:sign-in:{kind}:{int(now // WINDOW_SECONDS)}:{digest}"
