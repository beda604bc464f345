"""Consumer processes, and whether they are alive."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString

from jobs.conf import get_conf
from jobs.core.formatting import duration
from jobs.models import Consumer

from .base import ReadOnlyAdmin
from .html import when

ALIVE: Final = "alive"


def state_of(consumer: Consumer, now: datetime) -> str:
    """Return the state: declared dead, silent for longer than the lease, or alive."""
    if consumer.dead_at is not None:
        return "dead"
    silence = now - consumer.heartbeat_at
    if silence > timedelta(seconds=get_conf().lease_seconds):
        return f"silent for {duration(silence.total_seconds())}"
    return ALIVE


@admin.register(Consumer)
class ConsumerAdmin(ReadOnlyAdmin[Consumer]):
    """Read-only: a consumer inserts its row, updates its heartbeat and deletes it at the end."""

    list_display = (
        "host",
        "pid",
        "state",
        "last_heartbeat",
        "queue_names",
        "concurrency",
        "started",
    )
    sortable_by = ()
    fields = readonly_fields = (
        *("id", "host", "pid", "state", "last_heartbeat", "heartbeat"),
        *("queue_names", "concurrency", "started", "died"),
    )

    @admin.display(description="state")
    def state(self, consumer: Consumer) -> str:
        return state_of(consumer, timezone.now())

    @admin.display(description="last beat")
    def last_heartbeat(self, consumer: Consumer) -> SafeString | str:
        return when(consumer.heartbeat_at)

    @admin.display(description="queues")
    def queue_names(self, consumer: Consumer) -> str:
        return ", ".join(str(name) for name in consumer.queues)

    @admin.display(description="started")
    def started(self, consumer: Consumer) -> SafeString | str:
        return when(consumer.started_at)

    @admin.display(description="declared dead")
    def died(self, consumer: Consumer) -> SafeString | str:
        return when(consumer.dead_at)
