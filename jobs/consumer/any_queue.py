"""Serving queues that nobody listed: Django takes any name where ``QUEUES`` is ``[]``."""

from __future__ import annotations

import logging

from django.db import DatabaseError, InterfaceError

from jobs import lifecycle
from jobs.brokers.base import Broker, ConsumerPort
from jobs.core.database_faults import reconnect_after
from jobs.core.db import connection
from jobs.core.shortages import shortage
from jobs.lifecycle.followers import DELIVERIES

from .queue_polls import QueuePolls
from .registration import Registration

logger = logging.getLogger("jobs")


class AnyQueue:
    """Has a consumer process serve each queue in which a job waits, from when it is first seen.

    Used by one thread, which asks the table for the names every second or so.
    """

    def __init__(
        self,
        broker: Broker,
        port: ConsumerPort,
        polls: QueuePolls,
        registration: Registration,
        concurrency: int,
    ) -> None:
        self._broker = broker
        self._port = port
        self._polls = polls
        self._registration = registration
        self._concurrency = concurrency
        self._unserved: list[str] = []

    def serve_new(self) -> bool:
        """Begin to serve the queues that are new; return whether there were any.

        A database that is away has none: it is asked again.
        """
        try:
            new = sorted(self._wanted().difference(self._polls.queues))
            if new:
                self._registration.add_queues(new)
        except (DatabaseError, InterfaceError) as error:
            logger.debug("The queues could not be read now: %s", error)
            connection().close_if_unusable_or_obsolete()
            reconnect_after(error)
            return False
        if new:
            self._polls.add_queues(new)
            self._unserved += new
        while self._unserved and self._serve(self._unserved[0]):
            self._unserved.pop(0)
        return bool(new)

    def _wanted(self) -> set[str]:
        """The queues that are to be served. That of deliveries has slots of its own."""
        return lifecycle.waiting_queues() - {DELIVERIES}

    def _serve(self, queue: str) -> bool:
        """Begin to serve a queue; return False when the system gives no thread for it now."""
        try:
            self._broker.consume([queue], self._port, self._concurrency)
        except (RuntimeError, MemoryError) as error:
            if not shortage(error):
                raise
            logger.debug("The queue %s cannot be served now: %s", queue, error)
            return False
        logger.info("ready: %s", queue)
        return True
