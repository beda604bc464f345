"""A consumer of a Redis stream, in the group that all consumers share."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import redis

from jobs.brokers.base import ReceivedMessage
from jobs.brokers.message import channel
from jobs.core.uuid7 import uuid7

from .client import FIELD, connect

GROUP: Final = "jobs"
READ_SECONDS: Final = 3.0
TIDY_SECONDS: Final = 10.0
MOST_AT_ONCE: Final = 8
LARGE: Final = 100_000  # bytes; our own messages have 50, others' are as large as they like
ABANDONED_MS: Final = 30_000
MOST_PENDING: Final = 1000
DEAD_MS: Final = 600_000
NO_STREAM: Final = ("NOGROUP", "UNBLOCKED")
"""What a server says when the stream is missing; the latter, before 7.2, to a reader who waits."""

Entry = tuple[Any, dict[bytes, bytes] | None]
"""An entry's id, and its fields; none when it was deleted."""


class RedisSource:
    """Reads a stream. An entry is deleted once acknowledged, so that none pile up.

    Args:
        url: the server's.
        queue: the queue whose stream is read.
        consumer_id: the consumer's name in the group; no other may have it.
        dead: consumers that were found dead; more are added to it while the source reads.
    """

    name = "Redis"
    errors: tuple[type[Exception], ...] = (redis.RedisError, OSError)

    def __init__(
        self, url: str, queue: str, consumer_id: str = "", dead: Sequence[str] = ()
    ) -> None:
        self._stream = channel(queue)
        self._consumer_id = consumer_id or str(uuid7())
        self._dead = dead
        self._adopted = 0  # so many of them have nothing left
        # Longer than a read blocks: a server that is silent for longer is frozen.
        self._client = connect(url, READ_SECONDS)
        self._tidy_at = 0.0
        self._read_broke_off = False
        self._at_once = 1

    def receive(self, limit: int, seconds: float) -> list[ReceivedMessage]:
        """Read new entries, and now and then those that a dead consumer left."""
        if limit <= 0:
            return []
        try:
            found = self._receive(min(limit, self._at_once), seconds)
        except redis.ResponseError as error:
            if not str(error).startswith(NO_STREAM):
                raise
            self._make_group()  # a first start, or the server was emptied
            return []
        except self.errors:
            self._read_broke_off = True
            raise
        # After a large entry one by one: several could fill the memory.
        large = any(len(message.body or message.shown) > LARGE for message in found)
        self._at_once = 1 if large else min(2 * self._at_once, MOST_AT_ONCE)
        return found

    def _receive(self, limit: int, seconds: float) -> list[ReceivedMessage]:
        found: list[ReceivedMessage] = []
        if self._read_broke_off:
            found = self._read_pending(limit)
            self._read_broke_off = bool(found)
        if not found and self._adopted < len(self._dead):
            found = self._adopt_pending(limit)
        if not found and time.monotonic() >= self._tidy_at:
            found = self._claim_abandoned(limit)
        return found or self._read_new(limit, seconds)

    def _make_group(self) -> None:
        try:
            self._client.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _read_new(self, limit: int, seconds: float) -> list[ReceivedMessage]:
        wait = max(1, int(min(seconds, READ_SECONDS / 2) * 1000))
        return _messages(self._read(">", limit, wait))

    def _read_pending(self, limit: int) -> list[ReceivedMessage]:
        """Read again what the server counts as delivered to us: an answer broke off."""
        entries = self._read("0", limit)
        deleted = [entry for entry, fields in entries if not fields]
        if deleted:
            self._client.xack(self._stream, GROUP, *deleted)
        return _messages(entries)

    def _read(self, after: str, limit: int, milliseconds: int | None = None) -> list[Entry]:
        answer = self._client.xreadgroup(
            GROUP, self._consumer_id, {self._stream: after}, count=limit, block=milliseconds
        )
        # A list or a mapping of streams, by the client's version and the protocol; the older
        # clients wrap the mapping's values once more.
        batches = answer.values() if isinstance(answer, dict) else (some for _, some in answer)
        found: list[Entry] = []
        for batch in batches:
            for one in batch:
                found += one if isinstance(one, list) else [one]
        return found

    def _adopt_pending(self, limit: int) -> list[ReceivedMessage]:
        """Take over what a consumer had received that is known to be dead.

        If it was only frozen both have the messages: their jobs are stored once all the same.
        """
        dead = self._dead[self._adopted]
        left = self._client.xpending_range(self._stream, GROUP, "-", "+", limit, dead)
        if not left:
            self._adopted += 1
            return []
        ids = [one["message_id"] for one in left]
        return _messages(self._client.xclaim(self._stream, GROUP, self._consumer_id, 0, ids))

    def _claim_abandoned(self, limit: int) -> list[ReceivedMessage]:
        """Take over what another consumer received long ago and did not acknowledge.

        This is for consumers whose death nobody on their machine has seen. Our own messages could
        be left: their jobs are found in the table. Another program's message is only here.
        """
        answer = self._client.xautoclaim(
            self._stream, GROUP, self._consumer_id, ABANDONED_MS, "0-0", count=limit
        )
        self._delete_dead()
        found = _messages(answer[1])
        if not found:
            self._tidy_at = time.monotonic() + TIDY_SECONDS
        return found

    def _delete_dead(self) -> None:
        for one in self._client.xinfo_consumers(self._stream, GROUP):
            if one["idle"] > DEAD_MS and not one["pending"]:
                self._client.xgroup_delconsumer(self._stream, GROUP, one["name"])

    def acknowledge(self, messages: Sequence[ReceivedMessage]) -> None:
        """Acknowledge and delete."""
        entries = [message.handle for message in messages]
        with self._client.pipeline(transaction=True) as pipeline:
            pipeline.xack(self._stream, GROUP, *entries)
            pipeline.xdel(self._stream, *entries)
            pipeline.execute()

    def close(self) -> None:
        """Leave the group; send what is pending again, for the others to have at once."""
        for one in self._client.xpending_range(
            self._stream, GROUP, "-", "+", MOST_PENDING, self._consumer_id
        ):
            self._send_again(one["message_id"])
        self._client.xgroup_delconsumer(self._stream, GROUP, self._consumer_id)
        self._client.close()

    def _send_again(self, entry: Any) -> None:
        with self._client.pipeline(transaction=True) as pipeline:
            for _, fields in self._client.xrange(self._stream, entry, entry):
                pipeline.xadd(self._stream, fields)
            pipeline.xack(self._stream, GROUP, entry)
            pipeline.xdel(self._stream, entry)
            pipeline.execute()


def _messages(entries: Sequence[Entry]) -> list[ReceivedMessage]:
    return [_message(entry, fields) for entry, fields in entries if fields]


def _message(entry: Any, fields: dict[bytes, bytes]) -> ReceivedMessage:
    body = fields.get(FIELD.encode())
    return ReceivedMessage(entry, body, b"" if body is not None else repr(fields).encode())
