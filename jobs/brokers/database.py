"""``database://``: the queue is the partial index over the waiting jobs.

There is nothing to publish. After the commit an idle consumer is woken: on SQLite by a datagram, on
PostgreSQL by NOTIFY.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from django.db import DatabaseError, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.brokers.wakeup.listener import TimedListener, sqlite_listener
from jobs.brokers.wakeup.pg_listen import NOTIFY, notify, pg_listener
from jobs.brokers.wakeup.udp import wake_up
from jobs.conf import get_conf
from jobs.models import Job

from .base import ConsumerPort, Listener
from .consume import start_consuming

COUNTED: Final = 100_000


class DatabaseBroker:
    """Carries no messages: the row is the message."""

    name = "database"
    takes_messages = False

    def __init__(self, url: str) -> None:
        self.url = url
        self._listener: Listener | None = None

    def warm_up(self) -> None:
        """Find the consumers that listen, for SQLite: the first time that imports 20 ms of code."""
        if _jobs_database().vendor == "sqlite":
            wake_up(get_conf().data_dir)

    def notify(self, queue: str, job_id: uuid.UUID) -> None:
        """Wake the consumers that listen; a database of another kind is polled."""
        db = _jobs_database()
        if db.vendor == "postgresql":
            notify(db, queue)
        elif db.vendor == "sqlite":
            wake_up(get_conf().data_dir)

    def notify_statement(self, queue: str) -> tuple[str, list[str]] | None:
        """Return PostgreSQL's NOTIFY and its parameters; None on another database."""
        return (NOTIFY, [queue]) if _jobs_database().vendor == "postgresql" else None

    def flush(self, seconds: float) -> None:
        """A notification is sent before ``notify`` returns."""

    def leave(self, seconds: float) -> None:
        """Close SQLite's listener: nobody is to send datagrams to a port that was ours."""
        if self._listener is not None:
            self._listener.close()

    def adopt_pending(self, consumer: str) -> None:
        """What a dead consumer was running is released in the table."""

    def listener(self) -> Listener:
        """Return the best listener that this kind of database has."""
        db = _jobs_database()
        if db.vendor == "sqlite":
            database = Path(str(db.settings_dict["NAME"]))
            self._listener = sqlite_listener(database, get_conf().data_dir)
            return self._listener
        return pg_listener(db.alias) if db.vendor == "postgresql" else TimedListener()

    def consume(self, queues: Sequence[str], port: ConsumerPort, threads: int) -> None:
        """Start running claims of the queues."""
        start_consuming(queues, port, threads)

    def depth(self, queue: str) -> int | None:
        """The waiting jobs, counted up to ``COUNTED``."""
        try:
            return Job.objects.waiting_in(queue).values("pk")[:COUNTED].count()
        except DatabaseError:
            return None

    def check(self) -> list[str]:
        """Whether the jobs' table can be read."""
        try:
            Job.objects.order_by().values("pk")[:1].exists()
        except DatabaseError as error:
            return [f"The database does not answer: {error}"]
        return []


def _jobs_database() -> BaseDatabaseWrapper:
    return connections[router.db_for_write(Job)]
