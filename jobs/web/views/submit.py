"""The form of a task, and what becomes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jobs.catalog import find_task, get_task
from jobs.catalog.registry import AnyTask
from jobs.conf import get_conf
from jobs.errors import (
    InvalidArguments,
    InvalidOptions,
    JobsError,
    QueueFull,
    TooLarge,
    Unavailable,
    UnknownQueue,
    UnknownTask,
)
from jobs.models import Job
from jobs.submission import SubmitResult, may_use, submit_job
from jobs.web.access import NoSuchJob, SignedIn, message_page, signed_in, visible_job
from jobs.web.forms import OptionsForm, TaskForm
from jobs.web.rows import rows, select_row_columns
from jobs.web.upload_limits import receives_files

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LAST: Final = 5
SAME_KEY = "A job with this unique key has not finished yet. This is it; nothing new was handed in."


class SeeOther(HttpResponseRedirect):
    """303: fetch that page, whatever the method of this request was (RFC 9110, 15.4.4)."""

    status_code = 303


@receives_files
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def task(request: SignedIn, name: str) -> HttpResponse:
    """Show the form of a task, or take what was filled in."""
    try:
        found = get_task(name)
    except UnknownTask as error:
        return _unknown(request, error)
    if not may_use(found, request.user):
        why = f"{found.title} needs a permission that you do not have. Ask whoever runs this site."
        return message_page(request, 403, "This task is not for you", why)
    if request.method == "POST":
        return _take(request, found)
    return _show(request, found, *_forms(request, found))


def _unknown(request: SignedIn, error: UnknownTask) -> HttpResponse:
    known = [one for one in map(find_task, error.nearest) if one is not None]
    nearest = [one for one in known if may_use(one, request.user)]
    why = f"No task is named {error.name}."
    return message_page(request, 404, "There is no such task", why, nearest=nearest)


def _forms(request: SignedIn, found: AnyTask) -> tuple[TaskForm, OptionsForm]:
    """The forms to begin with: from the defaults, the address, or an earlier job."""
    like = _earlier(request, found)
    if like is None:
        form = TaskForm(found, request.user, query=request.GET)
    else:
        form = TaskForm(found, request.user, args=like.kwargs)
    return form, OptionsForm(found, request.user, like=like)


def _earlier(request: SignedIn, found: AnyTask) -> Job | None:
    try:
        job = visible_job(request, request.GET.get("from", ""))
    except NoSuchJob:
        return None
    return job if job.task == found.name else None


def _take(request: SignedIn, found: AnyTask) -> HttpResponse:
    form = TaskForm(found, request.user, data=request.POST, files=request.FILES)
    options = OptionsForm(found, request.user, data=request.POST)
    sound = [form.is_valid(), options.is_valid()]
    if not all(sound):
        return _show(request, found, form, options, status=422)
    try:
        submitted = _submit(found, form, options, request.user)
    except InvalidOptions as error:
        options.say(error)
    except InvalidArguments as error:
        form.say(error)
    except UnknownQueue as error:
        options.say(InvalidOptions([{"pointer": "/queue", "detail": str(error)}]))
    except (QueueFull, Unavailable, TooLarge) as error:
        return _later(request, found, form, options, error)
    else:
        if not submitted.created:
            messages.info(request, SAME_KEY)
        return SeeOther(reverse("jobs:job", args=[submitted.job.id]))
    return _show(request, found, form, options, status=422)


def _submit(found: AnyTask, form: TaskForm, options: OptionsForm, owner: User) -> SubmitResult:
    limit = get_conf().max_body
    if len(json.dumps(form.args).encode()) > limit:
        raise TooLarge("text in this form", limit)
    return submit_job(found, form.args, owner=owner, from_outside=True, **options.wishes)


def _later(
    request: SignedIn, found: AnyTask, form: TaskForm, options: OptionsForm, error: JobsError
) -> HttpResponse:
    """Nothing was recorded; all that was typed stays."""
    status = {QueueFull: 429, Unavailable: 503, TooLarge: 413}[type(error)]
    response = _show(request, found, form, options, status=status, trouble=str(error))
    if isinstance(error, QueueFull | Unavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _show(
    request: SignedIn,
    found: AnyTask,
    form: TaskForm,
    options: OptionsForm,
    *,
    status: int = 200,
    trouble: str = "",
) -> HttpResponse:
    mine = Job.objects.filter(owner=request.user, task=found.name)
    context: dict[str, Any] = {
        "task": found,
        "form": form,
        "options": options,
        "trouble": trouble,
        "wrong": len(form.errors) + len(options.errors),
        "copied": request.GET.get("from") if request.method == "GET" else None,
        # Who hears that the database is locked must not wait for it once more.
        "last": [] if status == 503 else rows(select_row_columns(mine)[:LAST]),
    }
    return render(request, "jobs/task.html", context, status=status)
