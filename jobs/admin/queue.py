"""Queues: how many jobs they have, which consumers serve them; pause and open."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs import lifecycle
from jobs.core.formatting import pluralize
from jobs.core.rights import CHANGE_QUEUES, note_use
from jobs.models import Queue
from jobs.queries.action_messages import queue_message
from jobs.queries.stats import QueueStats, queue_stats, serving_consumers
from jobs.queries.waiting_reason import no_consumer

from .base import BoundedList, ReadOnlyAdmin


class QueueList(BoundedList):
    """Reads the stats of all queues at once, not row by row."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        stats = _all_stats()
        self.result_list = [with_stats(row, stats) for row in self.result_list]


def _all_stats() -> dict[str, QueueStats]:
    return {one.name: one for one in queue_stats(serving_consumers(timezone.now()))}


def with_stats(queue: Queue, stats: dict[str, QueueStats]) -> Queue:
    """Return the queue with its stats."""
    queue.stats = stats.get(queue.name, QueueStats(queue.name))  # type: ignore[attr-defined]
    return queue


def insert_missing() -> None:
    """Insert rows for queues that have none yet; nothing is written when all have one."""
    known = set(Queue.objects.values_list("name", flat=True))
    missing = _all_stats().keys() - known
    if missing:
        Queue.objects.bulk_create(
            [Queue(name=name) for name in sorted(missing)], ignore_conflicts=True
        )


@admin.register(Queue)
class QueueAdmin(ReadOnlyAdmin[Queue]):
    """Every queue that is configured, served or has waiting jobs, with its stats."""

    list_display = ("name", "state", "waiting", "later", "running", "served_by")
    ordering = ("name",)
    sortable_by = ()
    actions = ("pause", "unpause")
    fields = readonly_fields = ("name", "state", "waiting", "later", "running", "serving_consumers")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        insert_missing()
        return QueueList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Queue | None:
        queue = super().get_object(request, object_id, from_field)
        return with_stats(queue, _all_stats()) if queue is not None else None

    @admin.display(description="state")
    def state(self, queue: Queue) -> str:
        return "paused" if queue.paused else "open"

    @admin.display(description="waiting")
    def waiting(self, queue: Queue) -> str:
        return f"{_stats(queue).waiting:,}"

    @admin.display(description="later")
    def later(self, queue: Queue) -> str:
        return f"{_stats(queue).scheduled:,}"

    @admin.display(description="running")
    def running(self, queue: Queue) -> str:
        return f"{_stats(queue).running:,}"

    @admin.display(description="served by")
    def served_by(self, queue: Queue) -> str:
        consumers = _stats(queue).consumers
        return pluralize(len(consumers), "consumer") if consumers else "nobody"

    @admin.display(description="who looks here")
    def serving_consumers(self, queue: Queue) -> SafeString:
        """The consumers that serve it; how to start one if none does."""
        consumers = _stats(queue).consumers
        if consumers:
            return format_html_join(", ", "{}", ((str(one),) for one in consumers))
        reason = no_consumer(queue.name, "this queue")
        return format_html("{} <code>{}</code>", reason.text, reason.command)

    @admin.action(description="Pause the selected queues", permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        self._set(request, queryset, paused=True)

    @admin.action(description="Open the selected queues", permissions=["operate"])
    def unpause(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        self._set(request, queryset, paused=False)

    def _set(self, request: HttpRequest, queryset: QuerySet[Queue], *, paused: bool) -> None:
        state = "paused" if paused else "open"
        for queue in queryset:
            lifecycle.set_paused(queue.name, paused)
            self.log_change(request, queue, f"Now {state}")
            note_use(request.user, CHANGE_QUEUES, state, f"queue={queue.name}")
            messages.success(request, queue_message(queue.name, paused=paused))


def _stats(queue: Queue) -> QueueStats:
    stats: QueueStats = queue.stats  # type: ignore[attr-defined]
    return stats
