"""``manage.py consumers list``."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from django.utils import timezone

from jobs.core.states import Status
from jobs.management.subcommands import Options, Output, Subcommand
from jobs.management.tables import Table, time_text
from jobs.models import Consumer, Job
from jobs.queries.consumer_state import state_of
from jobs.queries.job_fields import utc_text

TABLE: Final = Table(
    ("ID", "HOST", "PID", "STATE", "RUNNING", "SLOTS", "QUEUES", "STARTED", "LAST HEARTBEAT"),
    may_be_cut=("HOST", "QUEUES"),
)


class List(Subcommand):
    """Lists the consumers that are not declared dead."""

    name = "list"
    help = "List the consumer processes, newest first."

    def run(self, output: Output, options: Options) -> None:
        """List them."""
        show_consumers(output, list(Consumer.objects.filter(dead_at=None)))


def show_consumers(output: Output, consumers: list[Consumer]) -> None:
    """Show consumers as a table, or as JSON, one a line."""
    running = running_jobs(consumers)
    now = timezone.now()
    for one in consumers:
        output.document(
            {
                "id": str(one.pk),
                "host": one.host,
                "pid": one.pid,
                "state": state_of(one, now),
                "requested": one.requested or None,
                "running": running[one.pk],
                "concurrency": one.concurrency,
                "queues": one.queues,
                "started_at": utc_text(one.started_at),
                "heartbeat_at": utc_text(one.heartbeat_at),
            }
        )
    output.table(
        TABLE,
        [
            (
                *(str(one.pk), one.host, str(one.pid), state_of(one, now)),
                *(str(running[one.pk]), str(one.concurrency), ",".join(one.queues)),
                *(time_text(one.started_at), time_text(one.heartbeat_at)),
            )
            for one in consumers
        ],
    )


def running_jobs(consumers: list[Consumer]) -> Counter[Any]:
    """Return how many jobs each consumer runs, by its id."""
    rows = Job.objects.filter(
        status=Status.RUNNING, consumer_id__in=[one.pk for one in consumers]
    ).values_list("consumer_id", flat=True)
    return Counter(rows)
