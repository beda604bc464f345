"""A consumer of one queue of a RabbitMQ server."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from jobs.brokers.base import ReceivedMessage

from .client import RabbitError, connect, disconnect, open_channel, plain_errors, require_queue
from .url import ServerUrl

HEARTBEAT_SECONDS: Final = 10
MOST_AT_ONCE: Final = 8
LARGE: Final = 100_000  # bytes; our own messages have 50, others' are as large as they like
TAG: Final = "jobdesk"
LOOK_SECONDS: Final = 3.0
"""How often a subscriber that is pushed nothing looks whether there is something. Of a quorum queue
that was deleted and made anew, RabbitMQ 3.10 counts the first message as delivered and sends it to
nobody: then nothing more is pushed by that subscription."""


class RabbitSource:
    """Gets as many messages as it is asked for; the server pushes one only while it waits idle.

    A consumer that is always subscribed is sent messages before it has a slot for their jobs, and
    another one that is idle is not. Here a subscription with room for one message begins when the
    queue is empty, and ends before that message is acknowledged.

    What is not acknowledged when the connection ends, the server delivers again, to whomever.
    """

    name = "RabbitMQ"
    errors: tuple[type[Exception], ...] = (RabbitError,)

    def __init__(self, server: ServerUrl, queue: str) -> None:
        self._server = server
        self._queue = queue
        self._connection: Any = None
        self._channel: Any = None
        self._is_subscribed = False
        self._pushed: list[Any] = []
        self._at_once = 1
        self._look_at = 0.0
        self._is_stuck = False

    def receive(self, limit: int, seconds: float) -> list[ReceivedMessage]:
        """Get up to so many messages; wait for one when there is none."""
        found: list[ReceivedMessage] = self._guarded(
            self._receive, min(limit, self._at_once), seconds
        )
        return found

    def acknowledge(self, messages: Sequence[ReceivedMessage]) -> None:
        """Acknowledge those that came by the present connection: others are delivered again."""
        self._guarded(self._acknowledge, messages)

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            disconnect(self._connection)
        self._connection = None

    def _guarded(self, function: Any, *arguments: Any) -> Any:
        try:
            with plain_errors():
                return function(*arguments)
        except BaseException:
            self.close()
            raise

    def _connect(self) -> None:
        self._connection = connect(self._server, HEARTBEAT_SECONDS)
        require_queue(self._connection, self._queue)
        self._channel = open_channel(self._connection)
        self._channel.basic_qos(0, 1, False)
        self._is_subscribed, self._pushed, self._is_stuck = False, [], False

    def _receive(self, limit: int, seconds: float) -> list[ReceivedMessage]:
        if self._connection is None:
            self._connect()
        self._connection.heartbeat_tick()
        if limit <= 0:
            self._unsubscribe()
            self._drain(0.0)
            return self._taken([])
        found: list[Any] = []
        if not self._is_subscribed or time.monotonic() >= self._look_at:
            found = self._get(limit)
            # What came in between is pushed, and then another one may be there as well.
            self._is_stuck = bool(found) and self._is_subscribed and not self._pushed
            self._look_at = time.monotonic() + LOOK_SECONDS
        if not (found or self._is_subscribed):
            self._subscribe()
        if not found:
            self._wait(seconds)
        return self._taken(found)

    def _get(self, limit: int) -> list[Any]:
        found: list[Any] = []
        while len(found) < limit:
            message = self._channel.basic_get(self._queue)
            if message is None:
                break
            found.append(message)
            if len(message.body) > LARGE:
                break
        return found

    def _subscribe(self) -> None:
        self._channel.basic_consume(
            self._queue, consumer_tag=TAG, callback=self._pushed.append, on_cancel=self._on_cancel
        )
        self._is_subscribed = True

    def _unsubscribe(self) -> None:
        if self._is_subscribed:
            self._is_subscribed = False
            self._channel.basic_cancel(TAG)

    def _on_cancel(self, _tag: str) -> None:
        raise RabbitError(f"the queue {self._queue} was deleted")

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._pushed and (left := end - time.monotonic()) > 0:
            self._drain(left)

    def _drain(self, seconds: float) -> None:
        try:
            # Zero would make the socket one that never waits, also in the middle of a message.
            self._connection.drain_events(timeout=max(0.001, seconds))
        except TimeoutError:
            return

    def _taken(self, found: list[Any]) -> list[ReceivedMessage]:
        found += self._pushed
        self._pushed.clear()
        if found:
            large = any(len(message.body) > LARGE for message in found)
            self._at_once = 1 if large else min(2 * self._at_once, MOST_AT_ONCE)
        # The client has text for the body of an empty message.
        return [
            ReceivedMessage((self._channel, message.delivery_tag), bytes(message.body or b""))
            for message in found
        ]

    def _acknowledge(self, messages: Sequence[ReceivedMessage]) -> None:
        if self._connection is None:
            return
        self._unsubscribe()
        for message in messages:
            channel, tag = message.handle
            if channel is self._channel:
                channel.basic_ack(tag)
        if self._is_stuck:
            self.close()  # what was sent to nobody is delivered again, to another connection
