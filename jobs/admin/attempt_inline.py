"""The attempts of a job, below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.core.formatting import duration
from jobs.models import Attempt, Job

from .html import NOTHING, block, ending_mark, when

LAST = 50

if TYPE_CHECKING:
    Inline = admin.TabularInline[Attempt, Job]
else:
    Inline = admin.TabularInline


class AttemptInline(Inline):
    """The last attempts: how each ended and, if it failed, where."""

    model = Attempt
    verbose_name_plural = f"attempts (the last {LAST})"
    extra = 0
    max_num = 0
    can_delete = False
    fields = readonly_fields = ("number", "ended", "consumer", "started", "took", "error")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attempt]:
        """The last ones: a job can have a thousand."""
        rows = super().get_queryset(request)
        return rows.filter(number__gt=F("job__attempt") - LAST).order_by("-number")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may see a job may see its attempts."""
        return bool(request.user.has_perm("jobs.view_job"))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only consumers add attempts."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What happened stays."""
        return False

    @admin.display(description="ended")
    def ended(self, attempt: Attempt) -> SafeString:
        """How it ended."""
        return ending_mark(attempt.outcome, attempt.get_outcome_display())

    @admin.display(description="started")
    def started(self, attempt: Attempt) -> SafeString | str:
        """When it started."""
        return when(attempt.started_at)

    @admin.display(description="took")
    def took(self, attempt: Attempt) -> str:
        """How long it ran."""
        if attempt.started_at is None:
            return NOTHING
        return duration((attempt.ended_at - attempt.started_at).total_seconds())

    @admin.display(description="error")
    def error(self, attempt: Attempt) -> SafeString | str:
        """What went wrong, with the traceback folded."""
        if not attempt.error_type:
            return NOTHING
        told = f"{attempt.error_type}: {attempt.message}" if attempt.message else attempt.error_type
        if not attempt.traceback:
            return block(told)
        return format_html(
            "{}<details><summary>Traceback</summary>{}</details>",
            block(told),
            block(attempt.traceback),
        )
