"""``redis://`` and ``rediss://``: permits in streams, one for each queue.

The client's URL says all there is to say: ``rediss://user:password@host:6380/0?ssl_ca_certs=...``.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any, Final

from .announcer import Announcement, Announcer
from .base import Bell, Intake
from .doorbell import SilentBell
from .extras import need
from .message import channel, permit

FIELD: Final = "body"
OLDEST: Final = (6, 2)  # the first with XAUTOCLAIM
CONNECT_SECONDS: Final = 0.5
SEND_SECONDS: Final = 1.0


def connect(url: str, seconds: float) -> Any:
    """Return a client that waits no longer than so many seconds, and tries nothing twice."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )


class RedisBroker:
    """Rings consumers of any machine within a millisecond or two."""

    name = "redis"
    takes_messages = True
    rings_by_commit = False

    def __init__(self, url: str) -> None:
        need("redis", "redis")
        self.url = url
        self._announcer = Announcer("Redis", self._send)

    @cached_property
    def _client(self) -> Any:
        return connect(self.url, SEND_SECONDS)

    def _send(self, lot: Sequence[Announcement]) -> None:
        with self._client.pipeline(transaction=False) as pipeline:
            for queue, job_id in lot:
                pipeline.xadd(channel(queue), {FIELD: permit(job_id)})
            pipeline.execute()

    def announce(self, queue: str, job_id: uuid.UUID) -> None:
        """Have a permit sent by a thread of its own."""
        self._announcer.put(queue, job_id)

    def flush(self, seconds: float) -> None:
        """Wait until every permit is sent."""
        self._announcer.flush(seconds)

    def leave(self, seconds: float) -> None:
        """Leave the group: what was not acknowledged is for the others."""
        from .permits_funboost import leave

        leave(seconds)

    def bell(self) -> Bell:
        """None: permits ring."""
        return SilentBell()

    def consume(self, queues: Sequence[str], intake: Intake, threads: int) -> None:
        """Start a funboost consumer for each queue, listening to its stream."""
        from .permits_funboost import start
        from .redis_link import RedisLink

        start(queues, intake, threads, partial(RedisLink, self.url))

    def check(self) -> list[str]:
        """Whether the server answers and is new enough."""
        import redis

        try:
            with connect(self.url, SEND_SECONDS) as client:
                version = str(client.info("server")["redis_version"])
        except (redis.RedisError, OSError, ValueError) as error:
            return [f"Redis does not answer: {error}"]
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
            return [f"Redis {version} is too old: streams need 6.2 or later."]
        return []
