"""One consumer of a Redis stream, in the group that all consumers share."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any, Final

import redis

from jobs.brokers.base import ReceivedMessage
from jobs.brokers.message import channel
from jobs.core.uuid7 import uuid7

from .broker import FIELD, connect

logger = logging.getLogger("jobs")

GROUP: Final = "jobs"
READ_SECONDS: Final = 3.0
TIDY_SECONDS: Final = 10.0
AT_ONCE: Final = 8
LARGE: Final = 100_000  # bytes; our own permits have 50, others' are as large as they like
ABANDONED_MS: Final = 30_000
MOST_IN_HAND: Final = 1000
DEAD_MS: Final = 600_000
NO_STREAM: Final = ("NOGROUP", "UNBLOCKED")
"""What a server says of a stream that is not there; the latter, before 7.2, to who waits for it."""


class RedisSource:
    """Reads a stream. An entry is deleted once acknowledged, so that none pile up.

    Args:
        url: the server's.
        queue: the queue whose stream is read.
        me: the consumer's name in the group; it has to be nobody else's.
        dead: consumers that were found dead; more are added to it while the link reads.
    """

    name = "Redis"
    errors: tuple[type[Exception], ...] = (redis.RedisError, OSError)

    def __init__(self, url: str, queue: str, me: str = "", dead: Sequence[str] = ()) -> None:
        self._stream = channel(queue)
        self._me = me or str(uuid7())
        self._dead = dead
        self._buried = 0  # so many of them have nothing left
        # Longer than a read blocks: who is silent for longer is frozen.
        self._client = connect(url, READ_SECONDS)
        self._tidy_at = 0.0
        self._unsure = False
        self._at_once = 1

    def receive(self, limit: int, seconds: float) -> list[ReceivedMessage]:
        """Read new entries, and now and then those that a dead consumer left."""
        if limit <= 0:
            return []
        try:
            found = self._look(min(limit, self._at_once), seconds)
        except redis.ResponseError as error:
            if not str(error).startswith(NO_STREAM):
                raise
            self._make_group()  # a first start, or the server was emptied
            return []
        except self.errors:
            self._unsure = True
            raise
        # After a large entry one by one: several could fill the memory.
        large = any(len(permit.body or permit.shown) > LARGE for permit in found)
        self._at_once = 1 if large else min(2 * self._at_once, AT_ONCE)
        return found

    def _look(self, limit: int, seconds: float) -> list[ReceivedMessage]:
        found: list[ReceivedMessage] = []
        if self._unsure:
            found = self._broken_off(limit)
            self._unsure = bool(found)
        if not found and self._buried < len(self._dead):
            found = self._inherited(limit)
        if not found and time.monotonic() >= self._tidy_at:
            found = self._abandoned(limit)
        return found or self._new(limit, seconds)

    def _make_group(self) -> None:
        try:
            self._client.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _new(self, limit: int, seconds: float) -> list[ReceivedMessage]:
        wait = max(1, int(min(seconds, READ_SECONDS / 2) * 1000))
        return [_permit(*entry) for entry in self._read(">", "COUNT", limit, "BLOCK", wait)]

    def _broken_off(self, limit: int) -> list[ReceivedMessage]:
        """Read again what is ours by the server's books: an answer that broke off had it in it."""
        entries = self._read("0", "COUNT", limit)
        gone = [entry for entry, fields in entries if not fields]
        if gone:
            self._client.xack(self._stream, GROUP, *gone)
        return [_permit(*entry) for entry in entries if entry[1]]

    def _read(self, after: str, *options: Any) -> list[tuple[Any, dict[bytes, bytes]]]:
        # Not by the client's command: an idle consumer would have what came a sixth of a
        # millisecond later, for what that does behind the answer.
        pool = self._client.connection_pool
        connection = pool.get_connection()
        try:
            whom = ("XREADGROUP", "GROUP", GROUP, self._me)
            connection.send_command(*whom, *options, "STREAMS", self._stream, after)
            answer = connection.read_response()
        finally:
            pool.release(connection)
        # RESP2 answers with a list, RESP3 with a mapping.
        lots = answer.values() if isinstance(answer, dict) else (lot for _, lot in answer or ())
        return [(entry, _fields(flat)) for lot in lots for entry, flat in lot]

    def _inherited(self, limit: int) -> list[ReceivedMessage]:
        """Take over what a consumer had in hand that is known to be dead.

        It may live after all, frozen until now: what both have in hand is recorded once.
        """
        dead = self._dead[self._buried]
        left = self._client.xpending_range(self._stream, GROUP, "-", "+", limit, dead)
        if not left:
            self._buried += 1
            return []
        ids = [one["message_id"] for one in left]
        entries = self._client.xclaim(self._stream, GROUP, self._me, 0, ids)
        return [_permit(*entry) for entry in entries if entry[1] is not None]

    def _abandoned(self, limit: int) -> list[ReceivedMessage]:
        """Take over what was read long ago by one that did not acknowledge it.

        This is for those whose death nobody on their machine has seen. Permits of ours could be
        left: a job is found in the table. A foreign job is only here.
        """
        answer = self._client.xautoclaim(
            self._stream, GROUP, self._me, ABANDONED_MS, "0-0", count=limit
        )
        self._forget_dead()
        found = [_permit(*entry) for entry in answer[1] if entry[1] is not None]
        if not found:
            self._tidy_at = time.monotonic() + TIDY_SECONDS
        return found

    def _forget_dead(self) -> None:
        for one in self._client.xinfo_consumers(self._stream, GROUP):
            if one["idle"] > DEAD_MS and not one["pending"]:
                self._client.xgroup_delconsumer(self._stream, GROUP, one["name"])

    def done(self, permits: Sequence[ReceivedMessage]) -> None:
        """Acknowledge and delete."""
        entries = [permit.handle for permit in permits]
        with self._client.pipeline(transaction=True) as pipeline:
            pipeline.xack(self._stream, GROUP, *entries)
            pipeline.xdel(self._stream, *entries)
            pipeline.execute()

    def close(self) -> None:
        """Leave the group; what is in hand is for the others at once."""
        for one in self._client.xpending_range(
            self._stream, GROUP, "-", "+", MOST_IN_HAND, self._me
        ):
            self._send_anew(one["message_id"])
        self._client.xgroup_delconsumer(self._stream, GROUP, self._me)
        self._client.close()

    def _send_anew(self, entry: Any) -> None:
        with self._client.pipeline(transaction=True) as pipeline:
            for _, fields in self._client.xrange(self._stream, entry, entry):
                pipeline.xadd(self._stream, fields)
            pipeline.xack(self._stream, GROUP, entry)
            pipeline.xdel(self._stream, entry)
            pipeline.execute()


def _fields(flat: Sequence[bytes] | None) -> dict[bytes, bytes]:
    """Names and values in turn; None for an entry that was deleted."""
    return dict(zip(flat[::2], flat[1::2], strict=True)) if flat else {}


def _permit(entry: Any, fields: dict[bytes, bytes]) -> ReceivedMessage:
    body = fields.get(FIELD.encode())
    return ReceivedMessage(entry, body, b"" if body is not None else repr(fields).encode())
