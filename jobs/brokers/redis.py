"""``redis://`` and ``rediss://``: permits in streams, one for each queue.

The client's URL says all there is to say: ``rediss://user:password@host:6380/0?ssl_ca_certs=...``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from .announcer import Announcement
from .base import Link
from .carrier import Carrier
from .extras import need
from .message import channel, permit

FIELD: Final = "body"
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


class RedisBroker(Carrier):
    """Rings consumers of any machine within a millisecond or two."""

    name = "redis"
    title = "Redis"

    def __init__(self, url: str) -> None:
        need("redis", "redis")
        self.url = url
        super().__init__()

    @cached_property
    def _client(self) -> Any:
        return connect(self.url, SEND_SECONDS)

    def _send(self, lot: Sequence[Announcement]) -> None:
        with self._client.pipeline(transaction=False) as pipeline:
            for queue, job_id in lot:
                pipeline.xadd(channel(queue), {FIELD: permit(job_id)})
            pipeline.execute()

    def _connect(self, queue: str) -> Link:
        from .redis_link import RedisLink

        return RedisLink(self.url, queue, self._me, self._dead)

    def depth(self, queue: str) -> int | None:
        """The stream's length: an entry is deleted once it is acknowledged."""
        from .redis_ask import depth

        return depth(self.url, queue)

    def check(self) -> list[str]:
        """Whether the server lets us in, answers and is new enough."""
        from .redis_ask import check

        return check(self.url)
