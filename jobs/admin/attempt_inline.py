"""The attempts of a job, below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.core.formatting import duration
from jobs.core.rights import VIEW_JOBS, has_right
from jobs.models import Attempt, Job

from .html import NOTHING, block, outcome_mark, when

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
        # A job can have a thousand.
        rows = super().get_queryset(request)
        return rows.filter(number__gt=F("job__attempt") - LAST).order_by("-number")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_right(request.user, VIEW_JOBS)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="ended")
    def ended(self, attempt: Attempt) -> SafeString:
        return outcome_mark(attempt.outcome, attempt.get_outcome_display())

    @admin.display(description="started")
    def started(self, attempt: Attempt) -> SafeString | str:
        return when(attempt.started_at)

    @admin.display(description="took")
    def took(self, attempt: Attempt) -> str:
        if attempt.started_at is None:
            return NOTHING
        return duration((attempt.ended_at - attempt.started_at).total_seconds())

    @admin.display(description="error")
    def error(self, attempt: Attempt) -> SafeString | str:
        """Type and message, with the traceback folded."""
        if not attempt.error_type:
            return NOTHING
        message = f": {attempt.message}" if attempt.message else ""
        error = f"{attempt.error_type}{message}"
        if not attempt.traceback:
            return block(error)
        return format_html(
            "{}<details><summary>Traceback</summary>{}</details>",
            block(error),
            block(attempt.traceback),
        )
