"""Consumer processes: who they are and whether they live."""

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
    """Say whether a consumer lives: declared dead, silent for longer than the lease, or alive."""
    if consumer.dead_at is not None:
        return "dead"
    silence = now - consumer.heartbeat_at
    if silence > timedelta(seconds=get_conf().lease_seconds):
        return f"silent for {duration(silence.total_seconds())}"
    return ALIVE


@admin.register(Consumer)
class ConsumerAdmin(ReadOnlyAdmin[Consumer]):
    """Read-only: a consumer makes its row, beats in it, and takes it away when it has drained."""

    list_display = ("host", "pid", "state", "last_beat", "serves", "concurrency", "started")
    sortable_by = ()
    fields = readonly_fields = (
        *("id", "host", "pid", "state", "last_beat", "heartbeat"),
        *("serves", "concurrency", "started", "died"),
    )

    @admin.display(description="state")
    def state(self, consumer: Consumer) -> str:
        """Alive, silent or dead."""
        return state_of(consumer, timezone.now())

    @admin.display(description="last beat")
    def last_beat(self, consumer: Consumer) -> SafeString | str:
        """When it last told that it lives."""
        return when(consumer.heartbeat_at)

    @admin.display(description="queues")
    def serves(self, consumer: Consumer) -> str:
        """The queues it serves."""
        return ", ".join(str(name) for name in consumer.queues)

    @admin.display(description="started")
    def started(self, consumer: Consumer) -> SafeString | str:
        """When it started."""
        return when(consumer.started_at)

    @admin.display(description="declared dead")
    def died(self, consumer: Consumer) -> SafeString | str:
        """When others declared it dead."""
        return when(consumer.dead_at)
