"""Queues: what is in them, who serves them; pause and open."""

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
from jobs.models import Queue
from jobs.queries.stats import QueueStats, living_consumers, queue_stats
from jobs.queries.waiting_reason import no_consumer

from .base import BoundedList, ReadOnlyAdmin


class QueueList(BoundedList):
    """Reads the figures of all queues at once, not row by row."""

    def get_results(self, request: HttpRequest) -> None:
        """Give each queue its figures."""
        super().get_results(request)
        figures = _figures()
        self.result_list = [with_figures(row, figures) for row in self.result_list]


def _figures() -> dict[str, QueueStats]:
    return {one.name: one for one in queue_stats(living_consumers(timezone.now()))}


def with_figures(queue: Queue, figures: dict[str, QueueStats]) -> Queue:
    """Return the queue, knowing what is in it."""
    queue.figures = figures.get(queue.name, QueueStats(queue.name))  # type: ignore[attr-defined]
    return queue


def make_rows() -> None:
    """Make the rows of the queues that have none yet; nothing is written when all have one."""
    known = set(Queue.objects.values_list("name", flat=True))
    missing = _figures().keys() - known
    if missing:
        Queue.objects.bulk_create(
            [Queue(name=name) for name in sorted(missing)], ignore_conflicts=True
        )


@admin.register(Queue)
class QueueAdmin(ReadOnlyAdmin[Queue]):
    """Every queue that is configured, served or has waiting jobs, with what is in it."""

    list_display = ("name", "state", "waiting", "later", "running", "served_by")
    ordering = ("name",)
    sortable_by = ()
    actions = ("pause", "open_again")
    fields = readonly_fields = ("name", "state", "waiting", "later", "running", "servants")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that knows the figures, of all queues there are."""
        make_rows()
        return QueueList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Queue | None:
        """Return a queue with its figures."""
        queue = super().get_object(request, object_id, from_field)
        return with_figures(queue, _figures()) if queue is not None else None

    @admin.display(description="state")
    def state(self, queue: Queue) -> str:
        """Paused or open."""
        return "paused" if queue.paused else "open"

    @admin.display(description="waiting")
    def waiting(self, queue: Queue) -> str:
        """How many jobs wait."""
        return f"{_of(queue).waiting:,}"

    @admin.display(description="later")
    def later(self, queue: Queue) -> str:
        """How many jobs are to run later."""
        return f"{_of(queue).scheduled:,}"

    @admin.display(description="running")
    def running(self, queue: Queue) -> str:
        """How many jobs run."""
        return f"{_of(queue).running:,}"

    @admin.display(description="served by")
    def served_by(self, queue: Queue) -> str:
        """How many consumers look here."""
        consumers = _of(queue).consumers
        return pluralize(len(consumers), "consumer") if consumers else "nobody"

    @admin.display(description="who looks here")
    def servants(self, queue: Queue) -> SafeString:
        """The consumers that look here; what to do when none does."""
        consumers = _of(queue).consumers
        if consumers:
            return format_html_join(", ", "{}", ((str(one),) for one in consumers))
        reason = no_consumer(queue.name, "this queue")
        return format_html("{} <code>{}</code>", reason.text, reason.command)

    @admin.action(description="Pause the selected queues", permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        """Take nothing more from them."""
        self._set(request, queryset, paused=True)

    @admin.action(description="Open the selected queues", permissions=["operate"])
    def open_again(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        """Take from them again."""
        self._set(request, queryset, paused=False)

    def _set(self, request: HttpRequest, queryset: QuerySet[Queue], *, paused: bool) -> None:
        done = "paused" if paused else "open"
        for queue in queryset:
            lifecycle.set_paused(queue.name, paused)
            self.log_change(request, queue, f"Now {done}")
            what = "nothing more is taken from it" if paused else "its jobs are taken again"
            messages.success(request, f"The queue {queue.name} is {done}: {what}.")


def _of(queue: Queue) -> QueueStats:
    figures: QueueStats = queue.figures  # type: ignore[attr-defined]
    return figures
