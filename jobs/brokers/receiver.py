"""Receives the messages of one queue, on a thread of its own.

At most as many as there are free slots; after each batch it has waiting jobs claimed.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from .base import ConsumerPort, MessageSource, ReceivedMessage

logger = logging.getLogger("jobs")
WAIT_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 1.0
YIELD_SECONDS: Final = 0.001


class Receiver:
    """Receives until the process stops.

    It holds each message until it is acknowledged, whatever fails in between: another program's
    message is nowhere else, and Kafka would not deliver it again before a restart.
    """

    def __init__(
        self, queue: str, connect: Callable[[], MessageSource], port: ConsumerPort
    ) -> None:
        self._queue = queue
        self._port = port
        self._connect = connect
        self._source: MessageSource | None = None
        self._away = False
        self._unread: deque[ReceivedMessage] = deque()
        self._read: list[ReceivedMessage] = []

    def run(self) -> None:
        """Receive; wait for a broker that is away, or whose client cannot even be made."""
        while not self._port.stopping():
            try:
                self._source = self._source or self._connect()
                self._receive_once(self._source)
                self._log_back(self._source.name)
            except Exception as error:  # noqa: BLE001  (clients raise many kinds; none may end it)
                self._log_away(error)
                self._port.pause(RETRY_SECONDS)
        if self._source is not None:
            self._close(self._source)

    def _close(self, source: MessageSource) -> None:
        try:
            source.close()
        except source.errors as error:
            logger.debug("Leaving %s: %s", source.name, error)

    def _receive_once(self, source: MessageSource) -> None:
        if not (self._unread or self._read):
            limit = self._port.free_slots(self._queue, WAIT_SECONDS)
            self._unread.extend(source.receive(limit, WAIT_SECONDS if limit else 0.0))
        while self._unread:
            if not self._port.ingest(self._queue, source.name, self._unread[0]):
                self._port.pause(RETRY_SECONDS)
                self._keep_alive(source)
                return
            self._read.append(self._unread.popleft())
        if not self._read:
            return
        if self._port.wait_claimed(self._queue, WAIT_SECONDS):
            # Yields the GIL: the job is on its way to its thread, the acknowledgement can wait.
            time.sleep(YIELD_SECONDS)
            source.acknowledge(self._read)
            self._read.clear()
        else:
            self._keep_alive(source)

    def _keep_alive(self, source: MessageSource) -> None:
        # Nothing is asked for; but what comes all the same must not be lost.
        self._unread.extend(source.receive(0, 0.0))

    def _log_away(self, error: Exception) -> None:
        source = self._source
        if not self._away:
            logger.warning(
                "%s is away (%s): jobs of %s are found by polling the table meanwhile.",
                source.name if source else "The broker",
                " ".join(str(error).split()),
                self._queue,
                exc_info=not isinstance(error, source.errors) if source else False,
            )
        self._away = True

    def _log_back(self, name: str) -> None:
        if self._away:
            logger.warning("%s is back.", name)
        self._away = False
