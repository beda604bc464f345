"""``database://``: the queue is the partial index over the waiting jobs.

There is nothing to publish. What wakes consumers: on SQLite the commit that records a job, or a
knock after it where the kernel does not tell of commits; on PostgreSQL a NOTIFY after it. The
funboost part is in ``database_funboost`` and loads in consumer processes only.
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

COUNTED: Final = 100_000


class DatabaseBroker:
    """Carries nothing and loses nothing."""

    name = "database"
    takes_messages = False

    def __init__(self, url: str) -> None:
        self.url = url
        self._bell: Listener | None = None

    def warm_up(self) -> None:
        """There is nothing to make ready."""

    def notify(self, queue: str, job_id: uuid.UUID) -> None:
        """Wake those that listen; nothing is to be sent: the row is the message."""
        db = _jobs_database()
        if db.vendor == "postgresql":
            notify(db, queue)
        elif db.vendor == "sqlite":
            wake_up(get_conf().data_dir)

    def ring_along(self, queue: str) -> tuple[str, list[str]] | None:
        """NOTIFY on PostgreSQL."""
        return (NOTIFY, [queue]) if _jobs_database().vendor == "postgresql" else None

    def flush(self, seconds: float) -> None:
        """Nothing is ever on its way."""

    def leave(self, seconds: float) -> None:
        """Let go of the bell of SQLite: nobody is to knock at a port that was ours."""
        if self._bell is not None:
            self._bell.close()

    def adopt_pending(self, consumer: str) -> None:
        """What the dead were running is handed back in the table."""

    def listener(self) -> Listener:
        """What the database has to tell of commits; one that has nothing is looked at on time."""
        db = _jobs_database()
        if db.vendor == "sqlite":
            database = Path(str(db.settings_dict["NAME"]))
            self._bell = sqlite_listener(database, get_conf().data_dir)
            return self._bell
        return pg_listener(db.alias) if db.vendor == "postgresql" else TimedListener()

    def consume(self, queues: Sequence[str], intake: ConsumerPort, threads: int) -> None:
        """Start a funboost consumer for each queue."""
        from jobs.brokers.funboost.consumer import start

        start(queues, intake, threads)

    def depth(self, queue: str) -> int | None:
        """The waiting jobs, counted up to ``COUNTED``."""
        try:
            return Job.objects.waiting_in(queue).values("pk")[:COUNTED].count()
        except DatabaseError:
            return None

    def check(self) -> list[str]:
        """Whether the jobs' table answers."""
        try:
            Job.objects.order_by().values("pk")[:1].exists()
        except DatabaseError as error:
            return [f"The database does not answer: {error}"]
        return []


def _jobs_database() -> BaseDatabaseWrapper:
    return connections[router.db_for_write(Job)]
