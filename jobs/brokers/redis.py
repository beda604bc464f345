"""``redis://`` and ``rediss://``: permits in streams, one for each queue.

The client's URL says all there is to say: ``rediss://user:password@host:6380/0?ssl_ca_certs=...``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from .announcer import Announcement
from .base import Link
from .carrier import Carrier
from .extras import need

if TYPE_CHECKING:
    from .redis_line import Line

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
        self._line: Line | None = None
        super().__init__()

    def _send(self, lot: Sequence[Announcement]) -> None:
        if self._line is None:
            from .redis_line import Line  # with it the client, which takes a while

            self._line = Line(self.url)
        self._line.send(lot)

    def _begin(self, lot: Sequence[Announcement]) -> bool:
        return self._line is not None and self._line.begin(lot)

    def _end(self, lot: Sequence[Announcement]) -> None:
        if self._line is not None:
            self._line.end(len(lot))

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
