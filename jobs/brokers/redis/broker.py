"""``redis://`` and ``rediss://``: messages in streams, one for each queue.

The client's URL says all there is to say: ``rediss://user:password@host:6380/0?ssl_ca_certs=...``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from jobs.brokers.base import MessageSource
from jobs.brokers.message import channel, wakeup_body
from jobs.brokers.message_broker import MessageBroker
from jobs.brokers.optional_deps import require_package
from jobs.brokers.publisher import WakeUp

from .client import FIELD, SEND_SECONDS, connect


class RedisBroker(MessageBroker):
    """Wakes consumers on any machine within a millisecond or two."""

    name = "redis"
    title = "Redis"

    def __init__(self, url: str) -> None:
        require_package("redis", "redis")
        self.url = url
        super().__init__()

    @cached_property
    def _sender(self) -> Any:
        return connect(self.url, SEND_SECONDS)

    def _send(self, batch: Sequence[WakeUp]) -> None:
        if not batch:
            self._sender.ping()
            return
        with self._sender.pipeline(transaction=False) as pipeline:
            for queue, job_id in batch:
                pipeline.xadd(channel(queue), {FIELD: wakeup_body(job_id)})
            pipeline.execute()

    def _connect(self, queue: str) -> MessageSource:
        from .source import RedisSource  # late, as all that imports the client

        return RedisSource(self.url, queue, self._consumer_id, self._dead)

    def depth(self, queue: str) -> int | None:
        """Return the stream's length: an entry is deleted once it is acknowledged."""
        from .health import depth

        return depth(self.url, queue)

    def check(self) -> list[str]:
        """Whether the server accepts our login, answers and is new enough."""
        from .health import check

        return check(self.url)
