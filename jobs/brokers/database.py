"""``database://``: the queue is the partial index over the waiting jobs.

There is nothing to publish: the commit that records a job is what wakes consumers. The funboost
part is in ``database_funboost`` and loads in consumer processes only.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from django.db import DatabaseError, connections, router

from ..models import Job
from .base import Bell, Intake
from .doorbell import TimedBell, sqlite_bell


class DatabaseBroker:
    """Carries nothing and loses nothing."""

    name = "database"
    rings_by_commit = True

    def __init__(self, url: str) -> None:
        self.url = url

    def announce(self, queue: str, job_id: uuid.UUID) -> None:
        """Nothing to send: the row is the message."""

    def bell(self) -> Bell:
        """SQLite tells of commits by its files; another database is looked at on time."""
        config = connections[router.db_for_write(Job)].settings_dict
        if str(config["ENGINE"]).endswith("sqlite3"):
            return sqlite_bell(Path(str(config["NAME"])))
        return TimedBell()

    def consume(self, queues: Sequence[str], intake: Intake, threads: int) -> None:
        """Start a funboost consumer for each queue."""
        from .database_funboost import start

        start(queues, intake, threads)

    def check(self) -> list[str]:
        """Whether the jobs' table answers."""
        try:
            Job.objects.order_by().values("pk")[:1].exists()
        except DatabaseError as error:
            return [f"The database does not answer: {error}"]
        return []
