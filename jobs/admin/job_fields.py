"""One job in full: its arguments, its result or error, its log and its files."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.core.formatting import duration, filesize, stage_text
from jobs.models import Job
from jobs.queries import logs

from .html import NOTHING, as_json, block, mark, when
from .users import user_shown

LOG_TAIL = 20_000

FIELDSETS: Any = (
    (None, {"fields": (("status_shown", "task", "owner_shown"), ("queue", "priority", "id"))}),
    (
        "What became of it",
        {
            "fields": (
                *("progress_shown", "warnings_shown", "error_shown", "result_shown"),
                *("files", "log_shown"),
            )
        },
    ),
    (
        "What was asked for",
        {"fields": ("args_shown", ("unique_key", "idempotency_key", "request_id"))},
    ),
    (
        "Times",
        {"fields": (("submitted", "due", "timeout_shown"), ("started", "finished", "took"))},
    ),
    (
        "Budget",
        {"fields": (("attempt", "failures", "max_attempts"), ("lost_count", "consumer_shown"))},
    ),
)


class JobFields:
    """The fields of a job as the admin shows them: methods, named in lists of columns or fields."""

    @admin.display(description="status")
    def status_shown(self, job: Job) -> SafeString:
        """Icon, label and colour; for a running job, who asked it to stop."""
        label = str(job.get_status_display())
        if job.status == "succeeded" and _has_warnings(job):
            label += " with warnings"
        if job.cancel_requested and not job.is_finished:
            label = f"{label}, asked to stop by {job.cancelled_by}"
        return mark(job.status, label)

    @admin.display(description="owner")
    def owner_shown(self, job: Job) -> SafeString | str:
        return user_shown(job, "owner_id")

    @admin.display(description="handed in", ordering="id")
    def submitted(self, job: Job) -> SafeString | str:
        return when(job.created_at)

    @admin.display(description="to run after")
    def due(self, job: Job) -> SafeString | str:
        return when(job.run_after)

    @admin.display(description="last started")
    def started(self, job: Job) -> SafeString | str:
        return when(job.started_at)

    @admin.display(description="finished")
    def finished(self, job: Job) -> SafeString | str:
        return when(job.finished_at)

    @admin.display(description="took")
    def took(self, job: Job) -> str:
        """How long its last attempt has taken, until now or to the end."""
        if job.started_at is None or (job.is_finished and job.finished_at is None):
            return NOTHING
        if not job.is_finished and job.status != "running":
            return NOTHING
        end = job.finished_at or timezone.now()
        return duration((end - job.started_at).total_seconds())

    @admin.display(description="time limit")
    def timeout_shown(self, job: Job) -> str:
        return duration(job.timeout) if job.timeout is not None else "none"

    @admin.display(description="progress")
    def progress_shown(self, job: Job) -> str:
        """The progress as the task reported it last."""
        if job.progress_done is None:
            return NOTHING
        total = f" of {job.progress_total:,.10g}" if job.progress_total else ""
        percent = "" if job.percent is None else f" ({job.percent:.0f} %)"
        stage = stage_text(job.progress_stage)
        text = f"{job.progress_done:,.10g}{total} {job.progress_message}".strip() + percent
        return f"{stage}, {text}" if stage else text

    @admin.display(description="warnings")
    def warnings_shown(self, job: Job) -> SafeString | str:
        return block("\n".join(job.warnings or ()))

    @admin.display(description="error")
    def error_shown(self, job: Job) -> SafeString | str:
        """Type and message of the last error."""
        message = f": {job.error_message}" if job.error_message else ""
        return block(f"{job.error_type}{message}")

    @admin.display(description="result")
    def result_shown(self, job: Job) -> SafeString | str:
        return as_json(job.result) if job.status == "succeeded" else NOTHING

    @admin.display(description="arguments")
    def args_shown(self, job: Job) -> SafeString | str:
        """The arguments as JSON, positional ones first."""
        if job.args:
            return as_json([*job.args, job.kwargs] if job.kwargs else job.args)
        return as_json(job.kwargs)

    @admin.display(description="files")
    def files(self, job: Job) -> SafeString | str:
        """Links to its artifacts."""
        links = [
            (
                reverse("admin:jobs_job_artifact", args=[job.pk, one.pk]),
                one.name,
                filesize(one.size),
            )
            for one in job.artifacts.all()[:100]
        ]
        return format_html_join("", '<div><a href="{}">{}</a> {}</div>', links) or NOTHING

    @admin.display(description="consumer")
    def consumer_shown(self, job: Job) -> SafeString | str:
        if job.consumer_id is None:
            return NOTHING
        return format_html(
            '<a href="{}">{}</a>',
            reverse("admin:jobs_consumer_change", args=[job.consumer_id]),
            job.consumer_id,
        )

    @admin.display(description="log")
    def log_shown(self, job: Job) -> SafeString | str:
        """The end of its log."""
        piece = logs.read(job.pk, max(0, job.log_size - LOG_TAIL))
        text = piece.text
        if piece.before and text:
            text = f"\N{HORIZONTAL ELLIPSIS} {piece.before:,} characters before\n{text}"
        return block(text)


def _has_warnings(job: Job) -> bool:
    """Lists leave the warnings themselves in the database."""
    known = job.__dict__.get("has_warnings")
    return bool(job.warnings) if known is None else bool(known)
