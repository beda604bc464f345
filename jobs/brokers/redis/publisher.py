"""The connection on which a process's permits go to Redis.

Below the client's commands, on its connection: with all that one of those does besides, a permit
is on its way a quarter of a millisecond later, and an idle consumer waits for just that.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import redis

from jobs.brokers.message import channel, wakeup_body
from jobs.brokers.publisher import WakeUp

from .broker import FIELD, SEND_SECONDS, connect


class RedisPublisher:
    """One connection, for one thread at a time."""

    def __init__(self, url: str) -> None:
        self._pool = connect(url, SEND_SECONDS).connection_pool
        self._connection: Any = None
        self._process = 0
        self._all_answered = False

    def send(self, lot: Sequence[WakeUp]) -> None:
        """Send permits and wait for the answers.

        Raises:
            RedisError, OSError: not all of them were taken.
        """
        connection = self._ready()
        connection.send_packed_command(self._packed(lot), check_health=False)
        self.end(len(lot))

    def begin(self, lot: Sequence[WakeUp]) -> bool:
        """Send permits without waiting for anything; False where that cannot be done.

        What the server has answered it has read: nothing lies in the socket's buffer, which takes
        some permits at once however slow the server has become.
        """
        if not self._all_answered or self._process != os.getpid():
            return False
        self._all_answered = False
        if _has_ended(self._connection):
            return False
        try:
            self._connection.send_packed_command(self._packed(lot), check_health=False)
        except (redis.RedisError, OSError):
            return False
        return True

    def end(self, count: int) -> None:
        """Wait for the answers to what was sent.

        Raises:
            RedisError, OSError: one of the permits was not taken.
        """
        refused: list[redis.ResponseError] = []
        for _ in range(count):
            try:
                self._connection.read_response()
            except redis.ResponseError as error:
                refused.append(error)
        self._all_answered = True
        if refused:
            raise refused[0]

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.disconnect()

    def _packed(self, lot: Sequence[WakeUp]) -> Any:
        return self._connection.pack_commands(
            [("XADD", channel(queue), "*", FIELD, wakeup_body(job_id)) for queue, job_id in lot]
        )

    def _ready(self) -> Any:
        """Return the connection, made anew if need be."""
        known, self._all_answered = self._all_answered, False
        if self._process != os.getpid():  # a prefork server: the socket stays with the parent
            self._connection, self._process = self._pool.make_connection(), os.getpid()
        connection = self._connection
        if not known or _has_ended(connection):
            connection.disconnect()  # an answer that is late must not be taken for a later one's
            connection.connect()
        return connection


def _has_ended(connection: Any) -> bool:
    """Whether the server, which owes no answer, has closed it: it does with those that are idle."""
    try:
        return bool(connection.can_read())
    except (redis.RedisError, OSError):
        return True
