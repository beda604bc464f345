"""This process among the consumers: its row in the table and its lock file."""

from __future__ import annotations

import logging
import os
import socket
import uuid
from collections.abc import Sequence

from django.db import DatabaseError, InterfaceError

from jobs import lifecycle
from jobs.core.uuid7 import uuid7
from jobs.models import ConsumerRequest

from . import consumer_lock

logger = logging.getLogger("jobs")


class Registration:
    """Registers this process as a consumer of some queues.

    Attributes:
        id: names the consumer in the table; another one after ``renew``.
        label: names the process to people: host and process id.
        requested: what an operator asks of it, as its last heartbeat found.

    Raises:
        DatabaseError: it could not be registered.
    """

    def __init__(self, queues: Sequence[str], concurrency: int) -> None:
        self._queues = queues
        self._concurrency = concurrency
        self.requested = ConsumerRequest.NONE
        self.label = f"{host_name()}:{os.getpid()}"
        self.id = self._register()

    def renew(self) -> None:
        """Register as another consumer: this one was declared dead while it was frozen."""
        self.id = self._register()
        if self.requested is not ConsumerRequest.NONE:
            lifecycle.request([self.id], self.requested)

    def add_queues(self, queues: Sequence[str]) -> None:
        """Serve more queues.

        Raises:
            DatabaseError: it could not be recorded.
        """
        lifecycle.serve_queues(self.id, [*self._queues, *queues])
        self._queues = [*self._queues, *queues]

    def _register(self) -> uuid.UUID:
        consumer = uuid7()
        # Held until the process ends, however it ends; and taken before any other process can
        # know of the consumer, for a lock that is free is proof of death.
        self._lock = consumer_lock.hold(consumer)
        try:
            lifecycle.register(host_name(), os.getpid(), self._queues, self._concurrency, consumer)
        except BaseException:
            consumer_lock.remove(consumer)
            raise
        return consumer

    def remove(self) -> None:
        """Deregister; when the database is away, the others find the lock free later."""
        try:
            lifecycle.deregister(self.id)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The database does not know that this consumer left: %s", error)
        else:
            consumer_lock.remove(self.id)
        self._lock.release()


def host_name() -> str:
    """The name of this machine in the consumers' table."""
    return socket.gethostname()[:200]
