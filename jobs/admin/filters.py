"""Filters of the list of jobs. Their choices come from the code and from indexes, not DISTINCT."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from jobs import catalog
from jobs.core.states import Status
from jobs.core.times import aware
from jobs.models import Job, Queue
from jobs.models.job import JobQuerySet
from jobs.queries.stats import configured_queues, recorded_tasks, waiting_queues

NEWEST = 100_000


class StatusFilter(SimpleListFilter):
    """One of the six statuses."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(status.value, str(status.label)) for status in Status]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        chosen = self.value()
        if not chosen or not isinstance(queryset, JobQuerySet):
            return queryset
        return queryset.with_status(chosen)


class TaskFilter(SimpleListFilter):
    """One of the tasks that are declared or have jobs."""

    title = "task"
    parameter_name = "task"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(catalog.all_tasks().keys() | recorded_tasks())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(task=self.value()) if self.value() else queryset


class QueueFilter(SimpleListFilter):
    """One of the queues.

    No index has finished jobs by queue, so this looks at the newest ``NEWEST`` jobs only.
    """

    title = f"queue (newest {NEWEST:,} jobs)"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        known = set(Queue.objects.values_list("name", flat=True))
        return [(one, one) for one in sorted(known | configured_queues() | waiting_queues())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        if not self.value():
            return queryset
        newest = Job.objects.order_by("-id").values_list("id", flat=True)
        oldest = list(newest[NEWEST : NEWEST + 1])
        if oldest:
            queryset = queryset.filter(id__gt=oldest[0])
        return queryset.filter(queue=self.value())


class SubmittedFilter(SimpleListFilter):
    """When a job was submitted, read off its id, which begins with the time."""

    title = "handed in"
    parameter_name = "since"
    spans = {
        "hour": ("in the last hour", timedelta(hours=1)),
        "day": ("in the last 24 hours", timedelta(days=1)),
        "week": ("in the last 7 days", timedelta(days=7)),
    }

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        choices = [(key, label) for key, (label, _) in self.spans.items()]
        return [*choices, ("older", "more than 7 days ago")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        now = timezone.now()
        if self.value() == "older":
            return queryset.filter(id__lt=first_id(now - self.spans["week"][1]))
        if self.value() in self.spans:
            return queryset.filter(id__gte=first_id(now - self.spans[self.value() or ""][1]))
        return queryset


def first_id(moment: datetime) -> uuid.UUID:
    """Return the smallest id that a job submitted at this moment can have."""
    return uuid.UUID(int=int(aware(moment).timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62)
