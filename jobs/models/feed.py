"""How the transactions of a PostgreSQL server become positions in the results feed."""

from __future__ import annotations

from django.db import models


class FeedClock(models.Model):
    """The one row that ``lifecycle.feed_position`` adds a transaction's number to.

    It counts for the run of the server that began at ``server_started``, and is written anew by the
    first reader after a restart. ``base`` is in microseconds since 1970. ``is_settled``: every
    transaction that did not see this row yet has ended. SQLite does without.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    server_started = models.DateTimeField()
    base = models.BigIntegerField()
    is_settled = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"since {self.server_started}"
