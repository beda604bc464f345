"""``manage.py queues list``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.utils import timezone

from jobs.core.formatting import duration
from jobs.management.subcommands import Options, Output, Subcommand
from jobs.management.tables import Table
from jobs.queries.queue_states import QueueState, queue_states

TABLE: Final = Table(
    ("QUEUE", "STATE", "WAITING", "SCHEDULED", "RUNNING", "CONSUMERS", "OLDEST WAITS"),
    may_be_cut=("QUEUE",),
)


class List(Subcommand):
    """Lists every queue."""

    name = "list"
    help = "List every queue that is configured, served, paused or has jobs."

    def run(self, output: Output, options: Options) -> None:
        """List them."""
        show_queues(output)


def show_queues(output: Output, names: Collection[str] | None = None) -> None:
    """Show these queues, or all, as a table, or as the API does, one a line."""
    states = [one for one in queue_states(timezone.now()) if names is None or one["name"] in names]
    for one in states:
        output.document(one)
    output.table(TABLE, [_row(one) for one in states])


def _row(queue: QueueState) -> tuple[str, ...]:
    oldest = queue["oldest_waiting_seconds"]
    return (
        queue["name"],
        "paused" if queue["paused"] else "open",
        str(queue["waiting"]),
        str(queue["scheduled"]),
        str(queue["running"]),
        str(queue["consumers"]),
        "" if oldest is None else duration(oldest),
    )
