"""``GET /jobs``: the caller's jobs, newest first."""

from __future__ import annotations

import uuid
from typing import Final

from django.db.models import Q
from django.http import HttpRequest

from jobs.api import schemas
from jobs.api.auth import Caller
from jobs.api.exception_handlers import invalid
from jobs.api.operations import Operation, Response, query
from jobs.api.page_size import page_size
from jobs.api.problems import INVALID
from jobs.api.responses import JsonResponse
from jobs.api.serializers import job_json, root
from jobs.core.jsonutils import clean
from jobs.core.states import Status
from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.queries.job_search import matching_jobs

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200


@Operation(
    "listJobs",
    [Response(200, "JobList", "Link")],
    [
        query(
            "status",
            "Only these; several are separated by commas.",
            {"type": "array", "items": {"type": "string", "enum": list(Status.values)}},
            explode=False,
            style="form",
        ),
        query("task", "Only this task."),
        query("queue", "Only this queue."),
        query("q", "The beginning of an id, or a part of a task's name."),
        query(
            "limit",
            f"Jobs on a page; more than {MAX_LIMIT} is taken as {MAX_LIMIT}.",
            {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT},
        ),
        query("cursor", "Where the page begins; `Link` gives it."),
    ],
    problems=[INVALID],
    curl='"$URL?status=failed&limit=20"',
)
def list_jobs(request: HttpRequest, caller: Caller) -> JsonResponse:
    """List jobs, newest first.

    One's own, or everybody's with the permission ``jobs.view_job``. Follow the ``Link`` with
    ``rel="next"``.
    """
    limit = page_size(request, DEFAULT_LIMIT, MAX_LIMIT)
    rows = _with_status(request, Job.objects.visible_to(caller.user)).filter(_filters(request))
    # One more than a page holds tells whether there is a next one: nothing is counted.
    found = list(rows.order_by("-id").prefetch_related("artifacts")[: limit + 1])
    page = found[:limit]
    mount = root()
    body: schemas.JobList = {"items": [job_json(job, job.artifacts.all(), mount) for job in page]}
    headers = {"Link": _next_link(request, page[-1])} if len(found) > limit else {}
    return JsonResponse(body, 200, headers)


def _filters(request: HttpRequest) -> Q:
    filters = Q()
    for name in ("task", "queue"):
        if value := clean(request.GET.get(name, "")):
            filters &= Q((name, value))
    if text := clean(request.GET.get("q", "")).strip():
        filters &= matching_jobs(text)
    if cursor := request.GET.get("cursor"):
        filters &= Q(id__lt=_cursor(cursor))
    return filters


def _with_status(request: HttpRequest, rows: JobQuerySet) -> JobQuerySet:
    """Several statuses can be given: repeated, or separated by commas."""
    statuses = {one for text in request.GET.getlist("status") for one in text.split(",") if one}
    if unknown := sorted(statuses - set(Status.values)):
        raise invalid(
            "/status", f"There is no status {unknown[0]!a}. Known: {', '.join(Status.values)}."
        )
    if len(statuses) == 1:
        return rows.with_status(statuses.pop())
    return rows.filter(status__in=statuses) if statuses else rows


def _cursor(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise invalid(
            "/cursor", "This is no cursor; follow the Link of the page before."
        ) from error


def _next_link(request: HttpRequest, last: Job) -> str:
    query = request.GET.copy()
    query["cursor"] = str(last.id)
    return f'<{request.path}?{query.urlencode()}>; rel="next"'
