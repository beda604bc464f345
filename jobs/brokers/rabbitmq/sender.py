"""Sends messages, and waits until the server has confirmed all of a batch."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any, Final

import amqp

from jobs.brokers.message import wakeup_body

from .client import RabbitError, connect, disconnect, open_channel, plain_errors, require_queue
from .url import ServerUrl

SEND_SECONDS: Final = 1.0
_KEPT: Final = 2  # delivery mode: on the server's disk

Wake = tuple[str, uuid.UUID]
"""The name of a queue on the server, and a job."""


class Sender:
    """One connection, made when it is needed; used by one thread."""

    def __init__(self, server: ServerUrl) -> None:
        self._server = server
        self._connection: Any = None
        self._channel: Any = None
        self._queues: set[str] = set()
        self._sent = self._confirmed = 0
        self._returned: set[str] = set()
        self._is_refused = False

    def send(self, batch: Sequence[Wake]) -> None:
        """Send messages; with an empty batch only connect.

        Raises:
            RabbitError: not all of them are confirmed.
        """
        was_connected = self._connection is not None
        try:
            self._send(batch)
        except RabbitError:
            # The connection may have been lost long ago, while there was nothing to send.
            if not was_connected:
                raise
            self._send(batch)

    def _send(self, batch: Sequence[Wake]) -> None:
        try:
            with plain_errors():
                self._connect()
                self._publish(batch)
                if self._returned:  # somebody has deleted these queues
                    again = [one for one in batch if one[0] in self._returned]
                    self._queues -= self._returned
                    self._publish(again)
                if self._returned or self._is_refused:
                    raise RabbitError("it did not take all of it")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the connection, if there is one; the next message makes another."""
        if self._connection is not None:
            disconnect(self._connection)
        self._connection = None

    def _connect(self) -> None:
        if self._connection is not None:
            return
        self._connection = connect(self._server, answer_seconds=SEND_SECONDS)
        self._channel = open_channel(self._connection)
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_confirm)
        self._channel.events["basic_nack"].add(self._on_refusal)
        self._channel.events["basic_return"].add(self._on_return)
        self._queues.clear()
        self._sent = self._confirmed = 0

    def _publish(self, batch: Sequence[Wake]) -> None:
        self._returned, self._is_refused = set(), False
        for name, job_id in batch:
            if name not in self._queues:
                require_queue(self._connection, name)
                self._queues.add(name)
            message = amqp.Message(
                wakeup_body(job_id), delivery_mode=_KEPT, content_type="application/json"
            )
            self._channel.basic_publish(message, routing_key=name, mandatory=True)
            self._sent += 1
        end = time.monotonic() + SEND_SECONDS
        while self._confirmed < self._sent:
            self._connection.drain_events(timeout=max(0.001, end - time.monotonic()))

    def _on_confirm(self, tag: int, multiple: bool) -> None:
        # Singly they come in any order, so they are counted; "multiple" is all up to this one.
        self._confirmed = max(self._confirmed, tag) if multiple else self._confirmed + 1

    def _on_refusal(self, tag: int, multiple: bool) -> None:
        self._is_refused = True
        self._on_confirm(tag, multiple)

    def _on_return(self, _error: Exception, _exchange: str, name: str, _message: Any) -> None:
        self._returned.add(name)
