"""The page with a task's form: GET shows it, POST submits a job."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language_from_request
from django.views.decorators.http import require_http_methods

from jobs.catalog import find_task, get_task
from jobs.catalog.registry import AnyTask
from jobs.conf import get_conf
from jobs.core.rendering import render
from jobs.errors import (
    InvalidArguments,
    InvalidOptions,
    JobsError,
    LimitReached,
    TooLarge,
    Unavailable,
    UnknownQueue,
    UnknownTask,
    shorten,
)
from jobs.lifecycle import EmailOption
from jobs.models import Job
from jobs.submission import SubmitResult, may_use, submit_job
from jobs.web.access import NoSuchJob, SignedIn, message_page, signed_in, visible_job
from jobs.web.forms import OptionsForm, TaskForm
from jobs.web.rows import rows, select_row_columns
from jobs.web.upload_limits import limit_uploads

RECENT_JOBS: Final = 5
STATUSES: Final = {LimitReached: 429, Unavailable: 503, TooLarge: 413}
SAME_KEY = "A job with this unique key has not finished yet. This is it; nothing new was handed in."


class SeeOther(HttpResponseRedirect):
    """303: fetch that page, whatever the method of this request was (RFC 9110, 15.4.4)."""

    status_code = 303


@limit_uploads
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def task(request: SignedIn, name: str) -> HttpResponse:
    """Show the form of a task, or submit a job with what was filled in."""
    try:
        found = get_task(name)
    except UnknownTask as error:
        return _unknown_task(request, error)
    if not may_use(found, request.user):
        why = f"{found.title} needs a permission that you do not have. Ask whoever runs this site."
        return message_page(request, 403, "This task is not for you", why)
    if request.method == "POST":
        return _submit(request, found)
    return _render(request, found, *_initial_forms(request, found))


def _unknown_task(request: SignedIn, error: UnknownTask) -> HttpResponse:
    known = [one for one in map(find_task, error.nearest) if one is not None]
    nearest = [one for one in known if may_use(one, request.user)]
    why = f"No task is named {shorten(error.name)}."
    return message_page(request, 404, "There is no such task", why, nearest=nearest)


def _initial_forms(request: SignedIn, found: AnyTask) -> tuple[TaskForm, OptionsForm]:
    """Return the forms with the defaults, the values of the query string, or an earlier job's."""
    job = _earlier_job(request, found)
    if job is None:
        form = TaskForm(found, request.user, query=request.GET)
    else:
        form = TaskForm(found, request.user, initial_arguments=job.kwargs)
    return form, OptionsForm(found, request.user, source=job)


def _earlier_job(request: SignedIn, found: AnyTask) -> Job | None:
    try:
        job = visible_job(request, request.GET.get("from", ""))
    except NoSuchJob:
        return None
    return job if job.task == found.name else None


def _submit(request: SignedIn, found: AnyTask) -> HttpResponse:
    form = TaskForm(found, request.user, data=request.POST, files=request.FILES)
    options_form = OptionsForm(found, request.user, data=request.POST)
    valid = [form.is_valid(), options_form.is_valid()]
    if form.retry_after is not None:
        response = _render(request, found, form, options_form, status=503)
        response.headers["Retry-After"] = str(form.retry_after)
        return response
    if not all(valid):
        return _render(request, found, form, options_form, status=422)
    try:
        submitted = _submit_job(request, found, form, options_form)
    except InvalidOptions as error:
        options_form.add_errors(error)
    except InvalidArguments as error:
        form.add_errors(error)
    except UnknownQueue as error:
        options_form.add_errors(InvalidOptions([{"pointer": "/queue", "detail": str(error)}]))
    except (LimitReached, Unavailable, TooLarge) as error:
        return _not_submitted(request, found, form, options_form, error)
    else:
        if not submitted.created:
            messages.info(request, SAME_KEY, fail_silently=True)
        return SeeOther(reverse("jobs:job", args=[submitted.job.id]))
    return _render(request, found, form, options_form, status=422)


def _submit_job(
    request: SignedIn, found: AnyTask, form: TaskForm, options_form: OptionsForm
) -> SubmitResult:
    limit = get_conf().max_body
    if len(json.dumps(form.arguments).encode()) > limit:
        raise TooLarge("text in this form", limit)
    options = options_form.options
    if options_form.wants_email:
        site = request.build_absolute_uri(reverse("jobs:home"))
        options = replace(options, email=EmailOption(get_language_from_request(request), site))
    return submit_job(
        found, form.validated, options=options, owner=request.user, enforce_limits=True
    )


def _not_submitted(
    request: SignedIn, found: AnyTask, form: TaskForm, options_form: OptionsForm, error: JobsError
) -> HttpResponse:
    """Show the form again, with all that was typed, and why nothing was submitted."""
    status = next(number for kind, number in STATUSES.items() if isinstance(error, kind))
    response = _render(request, found, form, options_form, status=status, trouble=error.public)
    if isinstance(error, LimitReached | Unavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _render(
    request: SignedIn,
    found: AnyTask,
    form: TaskForm,
    options_form: OptionsForm,
    *,
    status: int = 200,
    trouble: str = "",
) -> HttpResponse:
    mine = Job.objects.filter(owner=request.user, task=found.name)
    context: dict[str, Any] = {
        "task": found,
        "form": form,
        "options": options_form,
        "trouble": trouble,
        "wrong": len(form.errors) + len(options_form.errors),
        "copied": request.GET.get("from") if request.method == "GET" else None,
        # On 503, skip this query: it would wait for the locked database once more.
        "last": [] if status == 503 else rows(select_row_columns(mine)[:RECENT_JOBS]),
    }
    return render(request, "jobs/task.html", context, status=status)
