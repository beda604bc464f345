"""``redis://`` and ``rediss://``: permits in streams, one for each queue.

The client's URL says all there is to say: ``rediss://user:password@host:6380/0?ssl_ca_certs=...``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from jobs.brokers.base import MessageSource
from jobs.brokers.message_broker import MessageBroker
from jobs.brokers.optional_deps import require_package
from jobs.brokers.publisher import WakeUp

if TYPE_CHECKING:
    from .publisher import RedisPublisher

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


class RedisBroker(MessageBroker):
    """Rings consumers of any machine within a millisecond or two."""

    name = "redis"
    title = "Redis"

    def __init__(self, url: str) -> None:
        require_package("redis", "redis")
        self.url = url
        self._line: RedisPublisher | None = None
        super().__init__()

    def _send(self, lot: Sequence[WakeUp]) -> None:
        if self._line is None:
            from .publisher import RedisPublisher  # with it the client, which takes a while

            self._line = RedisPublisher(self.url)
        self._line.send(lot)

    def _begin(self, lot: Sequence[WakeUp]) -> bool:
        return self._line is not None and self._line.begin(lot)

    def _end(self, lot: Sequence[WakeUp]) -> None:
        if self._line is not None:
            self._line.end(len(lot))

    def _connect(self, queue: str) -> MessageSource:
        from .source import RedisSource

        return RedisSource(self.url, queue, self._me, self._dead)

    def depth(self, queue: str) -> int | None:
        """The stream's length: an entry is deleted once it is acknowledged."""
        from .health import depth

        return depth(self.url, queue)

    def check(self) -> list[str]:
        """Whether the server lets us in, answers and is new enough."""
        from .health import check

        return check(self.url)
