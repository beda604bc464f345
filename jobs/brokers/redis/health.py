"""What ``doctor`` and the pages ask a Redis server: does it answer, how much waits in it."""

from __future__ import annotations

from typing import Any, Final

import redis

from jobs.brokers.message import channel

from .client import SEND_SECONDS, connect

OLDEST: Final = (6, 2)  # the first with XAUTOCLAIM
BAD_URL: Final = (
    "JOBS_BROKER_URL is no URL that the Redis client can use: look at its port and what follows "
    "the '?'. In a password write %2F for / and %40 for @."
)

RIGHTS: Final = "The user needs ~jobs.* +@stream +@transaction +@connection."


def depth(url: str, queue: str) -> int | None:
    """Return the length of a queue's stream; None when the server does not tell."""
    try:
        with connect(url, SEND_SECONDS) as client:
            return int(client.xlen(channel(queue)))
    except (redis.RedisError, OSError, ValueError, TypeError):
        return None


def check(url: str) -> list[str]:
    """Return what is wrong with a Redis server, in sentences."""
    try:
        with connect(url, SEND_SECONDS) as client:
            # From its greeting: a user who may only use streams may not ask INFO.
            version = _version(client.execute_command("HELLO"))
            client.xlen(channel("default"))
    except redis.AuthenticationError as error:
        return [f"Redis does not know the user or the password in JOBS_BROKER_URL: {error}"]
    except redis.exceptions.NoPermissionError as error:
        return [f"Redis lets us in and not work: {error}. {RIGHTS}"]
    except (redis.RedisError, OSError) as error:
        return [f"Redis does not answer: {error}"]
    except (ValueError, TypeError):
        # Not in the client's words: they may quote a piece of the password.
        return [BAD_URL]
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        return [f"Redis {version} is too old: streams need 6.2 or later."]
    return []


def _version(greeting: Any) -> str:
    """RESP3 greets with a mapping, RESP2 with its keys and values in a row."""
    if not isinstance(greeting, dict):
        greeting = dict(zip(greeting[::2], greeting[1::2], strict=True))
    return str(greeting[b"version"].decode())
