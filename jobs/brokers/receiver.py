"""Consumers of brokers that carry messages, on funboost's extension API.

Two threads a queue: funboost's own feeds claims to its pool, as on ``database://``; beside it one
receives permits, at most as many as there are free slots, and has the table looked at for each
lot. So a broker that is down, frozen or emptied holds up nothing: the looks go on without it.
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
AGAIN_SECONDS: Final = 1.0
BEHIND_SECONDS: Final = 0.001


class Receiver:
    """Receives the permits of one queue until the process stops.

    What was received stays in hand until it is acknowledged, whatever fails in between: a message
    of another program is nowhere else, and Kafka would not send it again before a restart.
    """

    def __init__(
        self, queue: str, connect: Callable[[], MessageSource], intake: ConsumerPort
    ) -> None:
        self._queue = queue
        self._intake = intake
        self._connect = connect
        self._link: MessageSource | None = None
        self._silent = False
        self._unread: deque[ReceivedMessage] = deque()
        self._read: list[ReceivedMessage] = []

    def run(self) -> None:
        """Receive; a broker that is away, or cannot even be called, is waited for."""
        while not self._intake.stopping():
            try:
                self._link = self._link or self._connect()
                self._turn(self._link)
                self._tell_back(self._link.name)
            except Exception as error:  # noqa: BLE001  (clients raise many kinds; none may end it)
                self._tell_away(error)
                self._intake.pause(AGAIN_SECONDS)
        if self._link is not None:
            self._leave(self._link)

    def _leave(self, link: MessageSource) -> None:
        try:
            link.close()
        except link.errors as error:
            logger.debug("Leaving %s: %s", link.name, error)

    def _turn(self, link: MessageSource) -> None:
        if not (self._unread or self._read):
            room = self._intake.free_slots(self._queue, WAIT_SECONDS)
            self._unread.extend(link.receive(room, WAIT_SECONDS if room else 0.0))
        while self._unread:
            if not self._intake.ingest(self._queue, link.name, self._unread[0]):
                self._intake.pause(AGAIN_SECONDS)
                self._keep_alive(link)
                return
            self._read.append(self._unread.popleft())
        if not self._read:
            return
        if self._intake.wait_claimed(self._queue, WAIT_SECONDS):
            # An acknowledgement can wait, the job is on its way to its thread: it would take turns
            # with this one.
            time.sleep(BEHIND_SECONDS)
            link.done(self._read)
            self._read.clear()
        else:
            self._keep_alive(link)

    def _keep_alive(self, link: MessageSource) -> None:
        # Nothing is asked for; but what comes all the same must not be lost.
        self._unread.extend(link.receive(0, 0.0))

    def _tell_away(self, error: Exception) -> None:
        link = self._link
        if not self._silent:
            logger.warning(
                "%s is away (%s): jobs of %s start by the look at the table meanwhile.",
                link.name if link else "The broker",
                error,
                self._queue,
                exc_info=not isinstance(error, link.errors) if link else False,
            )
        self._silent = True

    def _tell_back(self, name: str) -> None:
        if self._silent:
            logger.warning("%s is back.", name)
        self._silent = False
