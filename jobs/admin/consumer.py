"""Consumer processes: whether they are alive; have them take nothing new, or stop."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from jobs import lifecycle
from jobs.core.rights import CHANGE_CONSUMERS, note_use
from jobs.models import Consumer, ConsumerRequest
from jobs.queries.action_messages import consumer_message
from jobs.queries.consumer_state import state_of

from .base import ReadOnlyAdmin
from .html import when


@admin.register(Consumer)
class ConsumerAdmin(ReadOnlyAdmin[Consumer]):
    """A consumer inserts its row, updates its heartbeat and deletes it at the end; people ask."""

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
    actions = ("quiet", "resume", "stop")
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

    @admin.action(description="Quiet the selected consumers", permissions=["operate"])
    def quiet(self, request: HttpRequest, queryset: QuerySet[Consumer]) -> None:
        self._request(request, queryset, ConsumerRequest.QUIET)

    @admin.action(description="Resume the selected consumers", permissions=["operate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Consumer]) -> None:
        self._request(request, queryset, ConsumerRequest.NONE)

    @admin.action(description="Stop the selected consumers", permissions=["operate"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Consumer]) -> None:
        self._request(request, queryset, ConsumerRequest.STOP)

    def _request(
        self, request: HttpRequest, queryset: QuerySet[Consumer], requested: ConsumerRequest
    ) -> None:
        for consumer in queryset.filter(dead_at=None):
            lifecycle.request([consumer.pk], requested)
            text = consumer_message(str(consumer), requested)
            self.log_change(request, consumer, text)
            did = requested.name.lower()
            note_use(request.user, CHANGE_CONSUMERS, did, f"consumer={consumer.pk}")
            messages.success(request, text)
