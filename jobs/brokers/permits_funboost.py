"""Consumers of brokers that carry messages, on funboost's extension API.

Two threads a queue: funboost's own feeds claims to its pool, as on ``database://``; beside it one
receives permits, at most as many as there are free slots, and has the table looked at for each
lot. So a broker that is down, frozen or emptied holds up nothing: the looks go on without it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from .base import Intake, Link, Permit
from .database_funboost import DatabaseConsumer
from .database_funboost import start as start_consumers

logger = logging.getLogger("jobs")

KIND: Final = "JOBDESK_PERMITS"
WAIT_SECONDS: Final = 0.5
AGAIN_SECONDS: Final = 1.0

_links: dict[str, Callable[[], Link]] = {}  # by queue, as in database_funboost
_receivers: list[threading.Thread] = []


class PermitConsumer(DatabaseConsumer):
    """Listens to a broker; what it takes comes from the table."""

    BROKER_KIND = KIND

    def _dispatch_task(self) -> None:
        receiver = Receiver(self.queue_name, _links[self.queue_name], self._intake)
        thread = threading.Thread(target=receiver.run, name="permits", daemon=True)
        _receivers.append(thread)
        thread.start()
        super()._dispatch_task()


class Receiver:
    """Receives the permits of one queue until the process stops.

    What was received stays in hand until it is acknowledged, whatever fails in between: a message
    of another program is nowhere else, and Kafka would not send it again before a restart.
    """

    def __init__(self, queue: str, connect: Callable[[], Link], intake: Intake) -> None:
        self._queue = queue
        self._intake = intake
        self._link = connect()
        self._silent = False
        self._unread: deque[Permit] = deque()
        self._read: list[Permit] = []

    def run(self) -> None:
        """Receive; a broker that is away is waited for."""
        while not self._intake.stopping():
            try:
                self._turn()
                self._tell_back()
            except self._link.errors as error:
                self._tell_away(error)
                self._intake.pause(AGAIN_SECONDS)
        try:
            self._link.close()
        except self._link.errors as error:
            logger.debug("Leaving %s: %s", self._link.name, error)

    def _turn(self) -> None:
        if not (self._unread or self._read):
            room = self._intake.room(self._queue, WAIT_SECONDS)
            self._unread.extend(self._link.receive(room, WAIT_SECONDS if room else 0.0))
        while self._unread:
            if not self._intake.accept(self._queue, self._link.name, self._unread[0]):
                self._intake.pause(AGAIN_SECONDS)
                self._keep_alive()
                return
            self._read.append(self._unread.popleft())
        if not self._read:
            return
        if self._intake.claimed(self._queue, WAIT_SECONDS):
            self._link.done(self._read)
            self._read.clear()
        else:
            self._keep_alive()

    def _keep_alive(self) -> None:
        # Nothing is asked for; but what comes all the same must not be lost.
        self._unread.extend(self._link.receive(0, 0.0))

    def _tell_away(self, error: Exception) -> None:
        if not self._silent:
            logger.warning(
                "%s is away (%s): jobs of %s start by the look at the table meanwhile.",
                self._link.name,
                error,
                self._queue,
            )
        self._silent = True

    def _tell_back(self) -> None:
        if self._silent:
            logger.warning("%s is back.", self._link.name)
        self._silent = False


def leave(seconds: float) -> None:
    """Wait until the links are closed, at most so long; call it once the intake is stopping."""
    end = time.monotonic() + seconds
    for thread in _receivers:
        thread.join(max(0.0, end - time.monotonic()))


def start(
    queues: Sequence[str], intake: Intake, threads: int, connect: Callable[[str], Link]
) -> None:
    """Consume the queues, listening to a broker; ``connect`` makes a link to one queue."""
    for queue in queues:
        _links[queue] = partial(connect, queue)
    start_consumers(queues, intake, threads, PermitConsumer)
