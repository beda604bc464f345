"""Jobs: a list to search and to act on, and each one in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from jobs.core.byte_ranges import PreconditionFailed, RangeNotSatisfiable
from jobs.core.download import download
from jobs.core.rights import VIEW_JOBS, note_use
from jobs.errors import NotAllowed, NotRetryable, Unavailable
from jobs.models import Artifact, Job
from jobs.queries.action_messages import CHANGED, ActionOutcome, history_entry
from jobs.queries.job_search import matching_jobs
from jobs.submission import record_change

from .actions import MAX_JOBS, JobAction, add_messages, cancel_one, retry_one
from .attempt_inline import AttemptInline
from .base import BoundedList, ReadOnlyAdmin
from .filters import QueueFilter, StatusFilter, SubmittedFilter, TaskFilter
from .job_fields import FIELDSETS, JobFields


def _plain(status: int, error: Exception, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(
        str(error), status=status, headers=headers, content_type="text/plain; charset=utf-8"
    )


LARGE_COLUMNS = ("args", "kwargs", "result", "error_message", "warnings")


class JobList(BoundedList):
    """A list that leaves arguments and results, up to a megabyte each, in the database."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Job]:
        rows: QuerySet[Job] = super().get_queryset(request, *args, **kwargs)
        return rows.defer(*LARGE_COLUMNS).annotate(has_warnings=Q(warnings__isnull=False))


@admin.register(Job)
class JobAdmin(JobFields, ReadOnlyAdmin[Job]):
    """Read-only: a job is changed by consumers and by two actions, cancel and run again.

    Nobody deletes jobs by hand, not even a superuser: retention does, with their files.
    """

    list_display = (
        "job",
        "status_shown",
        "owner_shown",
        "queue",
        "attempts_shown",
        "submitted",
        "took",
    )
    user_column = "owner_id"
    list_filter = (StatusFilter, TaskFilter, QueueFilter, SubmittedFilter)
    sortable_by = ("submitted",)
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = "The beginning of an id, or a task's name"
    actions = ("cancel_jobs", "retry_jobs")
    fieldsets = FIELDSETS
    readonly_fields = flatten_fieldsets(FIELDSETS)
    inlines = (AttemptInline,)
    change_form_template = "jobs/admin/job.html"

    @admin.display(description="job")
    def job(self, job: Job) -> SafeString:
        """The task's name and the beginning of the id."""
        return format_html('{} <span class="jobs-id">{}</span>', job.task, str(job.pk)[:13])

    @admin.display(description="attempt")
    def attempts_shown(self, job: Job) -> str:
        """The number of the attempt, and how many of its failures count."""
        failures = f", {job.failures} of {job.max_attempts} failed" if job.failures else ""
        return f"{job.attempt}{failures}"

    def view_on_site(self, job: Job) -> str | None:
        """Link to the job's own page, in a project that includes the pages."""
        try:
            return reverse("jobs:job", args=[job.pk])
        except NoReverseMatch:
            return None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return JobList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Job], search_term: str
    ) -> tuple[QuerySet[Job], bool]:
        term = search_term.strip()
        return (queryset.filter(matching_jobs(term)) if term else queryset), False

    # --- actions -----------------------------------------------------------------------------

    @admin.action(description="Cancel the selected jobs", permissions=["operate"])
    def cancel_jobs(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Cancel what waits, ask what runs to stop."""
        self._apply(request, cancel_one, queryset[:MAX_JOBS])

    @admin.action(description="Run the selected jobs again", permissions=["operate"])
    def retry_jobs(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Put what failed or was cancelled back into its queue."""
        self._apply(request, retry_one, queryset[:MAX_JOBS])

    def _apply(self, request: HttpRequest, action: JobAction, jobs: Iterable[Job]) -> None:
        outcomes, refusals = Counter[ActionOutcome](), Counter[str]()
        for job in jobs:
            try:
                outcome = action(job, request.user)
            except (NotRetryable, NotAllowed) as error:
                refusals[str(error)] += 1
                continue
            outcomes[outcome] += 1
            if outcome in CHANGED:
                self.log_change(request, job, history_entry(outcome))
                did = "retry" if outcome is ActionOutcome.REQUEUED else "cancel"
                record_change(request.user, job.pk, job.owner_id, did, "", in_admin=True)
        add_messages(request, outcomes, refusals)
        if outcomes.total() + refusals.total() == MAX_JOBS:
            limit = f"At most {MAX_JOBS:,} jobs at a time."
            messages.info(request, f"{limit} Do it again for the rest.")

    def get_urls(self) -> list[URLPattern]:
        """Add the dashboard, the buttons of a job's page and its files."""
        view = self.admin_site.admin_view
        ours = [
            path("dashboard/", view(self.dashboard), name="jobs_job_dashboard"),
            path(
                "<uuid:pk>/cancel/",
                view(require_POST(self.cancel_this)),
                name="jobs_job_cancel",
            ),
            path("<uuid:pk>/retry/", view(require_POST(self.retry_this)), name="jobs_job_retry"),
            path("<uuid:pk>/files/<int:file>/", view(self.artifact), name="jobs_job_artifact"),
        ]
        return [*ours, *super().get_urls()]

    def cancel_this(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Cancel the job whose page the button is on."""
        return self._apply_to_one(request, pk, cancel_one)

    def retry_this(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Run the job again whose page the button is on."""
        return self._apply_to_one(request, pk, retry_one)

    def _apply_to_one(self, request: HttpRequest, pk: UUID, action: JobAction) -> HttpResponse:
        if not self.has_operate_permission(request):
            raise PermissionDenied
        self._apply(request, action, [get_object_or_404(Job, pk=pk)])
        return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[pk]))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        job = context.get("original")
        if isinstance(job, Job) and self.has_operate_permission(request):
            context["can_cancel"] = job.is_unfinished and not job.cancel_requested
            context["can_retry"] = job.status in ("failed", "cancelled")
        return super().render_change_form(request, context, *args, **kwargs)

    # --- further pages below the list --------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list, which is of everybody's jobs."""
        page = super().changelist_view(request, extra_context)
        note_use(request.user, VIEW_JOBS, "list")
        return page

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Job | None:
        job: Job | None = super().get_object(request, object_id, from_field)
        if job is not None:
            self._note_view(request, job)
        return job

    def _note_view(self, request: HttpRequest, job: Job) -> None:
        if self.has_view_permission(request) and job.owner_id != request.user.pk:
            note_use(request.user, VIEW_JOBS, "view", f"job={job.pk}", job.owner_id)

    def artifact(self, request: HttpRequest, pk: UUID, file: int) -> HttpResponseBase:
        """Send a file that the job made; the browser never shows it, whatever its type."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        self._note_view(request, get_object_or_404(Job.objects.only("owner"), pk=pk))
        found = get_object_or_404(Artifact, job=pk, pk=file)
        try:
            return download(
                request,
                found.file,
                name=found.name,
                content_type=found.content_type,
                headers={"Content-Security-Policy": "sandbox; default-src 'none'"},
            )
        except FileNotFoundError as error:
            raise Http404("The file is gone.") from error
        except Unavailable as error:
            return _plain(503, error)
        except PreconditionFailed as error:
            return _plain(412, error)
        except RangeNotSatisfiable as error:
            return _plain(416, error, error.headers)

    def dashboard(self, request: HttpRequest) -> HttpResponse:
        """Show the dashboard on a page of its own."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "title": "Dashboard", "opts": self.opts}
        return TemplateResponse(request, "jobs/admin/dashboard.html", context)
