"""Redis's client as all parts of this broker use it."""

from __future__ import annotations

from typing import Any, Final

FIELD: Final = "body"
"""The field of a stream's entry that holds the message."""
CONNECT_SECONDS: Final = 0.5
SEND_SECONDS: Final = 1.0


def connect(url: str, seconds: float) -> Any:
    """Return a client that waits no longer than so many seconds, and tries nothing twice."""
    import redis  # late: it takes 0.2 s, which not every command needs
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )
