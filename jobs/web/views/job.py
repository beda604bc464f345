"""The page of a job, and the fragments that an open page polls for."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any, Final

from django.http import HttpResponse, HttpResponseNotModified
from django.utils import timezone
from django.views.decorators.http import require_safe

from jobs.catalog import find_task
from jobs.core.rendering import render, render_to_string
from jobs.core.states import Status
from jobs.models import Job
from jobs.queries import logs
from jobs.queries.waiting_reason import Reason, why_waiting
from jobs.submission import may_change, may_use
from jobs.web.access import SignedIn, signed_in, visible_job
from jobs.web.arguments import displayed_arguments
from jobs.web.curl import as_curl
from jobs.web.fragments import fragment
from jobs.web.progress import page_title, progress_of
from jobs.web.rows import title_of
from jobs.web.tabs import tab_context, tab_of

FRAGMENTS: Final = ("status", "actions", "now", "warnings", "panel", "facts")


@require_safe
@signed_in
def job(request: SignedIn, job_id: str) -> HttpResponse:
    """Show a job: its progress, result, log, attempts, files and arguments."""
    found = visible_job(request, job_id)
    now = timezone.now()
    reason = why_waiting(found, now)
    uploads = [use.upload for use in found.upload_uses.select_related("upload")]
    context = _context(request, found, now, reason)
    context |= tab_context(request, found, context["tab"], context["files"])
    context |= {
        "fragments": {name: fragment(request, name, context) for name in FRAGMENTS},
        "uploads": uploads,
        "arguments": displayed_arguments(found, uploads),
        "curl": as_curl(request, found),
        "etag": _etag(found, reason),
    }
    return render(request, "jobs/job.html", context)


@require_safe
@signed_in
def live(request: SignedIn, job_id: str) -> HttpResponse:
    """Answer with the fragments of a job's page as they are now; 304 when nothing has changed."""
    found = visible_job(request, job_id, narrow=True)
    now = timezone.now()
    reason = why_waiting(found, now)
    etag = _etag(found, reason)
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers={"ETag": etag, "Cache-Control": "no-store"})
    context = _context(request, found, now, reason)
    names = list(FRAGMENTS)
    if context["tab"] == "log" == request.GET.get("on"):
        # The page shows this log already: only what was added is sent.
        names.remove("panel")
        context["new_log"] = _new_log(request, found)
    else:
        context |= tab_context(request, found, context["tab"], context["files"])
    context["fragments"] = [fragment(request, name, context, replaces=True) for name in names]
    html = render_to_string("jobs/_live.html", context, request)
    return HttpResponse(html, headers={"ETag": etag, "Cache-Control": "no-store"})


def _context(request: SignedIn, found: Job, now: datetime, reason: Reason | None) -> dict[str, Any]:
    title = title_of(found.task)
    task = find_task(found.task)
    return {
        "job": found,
        "title": title,
        "page_title": page_title(found, title),
        "reason": reason,
        "progress": progress_of(found, now),
        "files": list(found.artifacts.all()),
        "tab": tab_of(found, request.GET.get("tab", "")),
        "task": task,
        "may_submit": task is not None and may_use(task, request.user),
        "may_change": may_change(request.user, found.owner_id),
        "can_retry": found.status in (Status.FAILED, Status.CANCELLED),
        "section": "jobs",
    }


def _etag(found: Job, reason: Reason | None) -> str:
    """The row's version, and why it waits: the reason changes without the row."""
    return f'"{found.id.hex}-{found.version}-{zlib.crc32(repr(reason).encode()):x}"'


def _new_log(request: SignedIn, found: Job) -> logs.LogPiece | None:
    """Return the log from the offset up to which the page shows it, None if there is no more."""
    offset = request.GET.get("offset", "")
    if not offset.isdecimal() or int(offset[:12]) >= found.log_size:
        return None
    return logs.read(found.pk, int(offset[:12]))
