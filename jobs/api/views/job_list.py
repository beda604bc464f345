"""``GET /jobs``: the caller's jobs, newest first."""

from __future__ import annotations

import uuid
from typing import Final

from django.db.models import Q
from django.http import HttpRequest

from jobs.api.auth import Caller
from jobs.api.exception_handlers import invalid
from jobs.api.responses import JsonResponse
from jobs.api.serializers import job_json, root
from jobs.core.jsonutils import clean
from jobs.core.states import Status
from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.queries.job_search import matching_jobs

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200


def list_jobs(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Answer with one page; ``Link: rel="next"`` leads to the one after it."""
    limit = _limit(request)
    rows = _with_status(request, Job.objects.visible_to(caller.user)).filter(_wanted(request))
    # One more than is shown tells whether there is a next page: nothing is counted.
    found = list(rows.order_by("-id").prefetch_related("artifacts")[: limit + 1])
    shown = found[:limit]
    at = root()
    items = [job_json(job, job.artifacts.all(), at) for job in shown]
    headers = {"Link": _next(request, shown[-1])} if len(found) > limit else {}
    return JsonResponse({"items": items}, 200, headers)


def _limit(request: HttpRequest) -> int:
    text = request.GET.get("limit", "")
    if not text:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise invalid("/limit", f"Give a whole number from 1 to {MAX_LIMIT}.")
    return min(int(text[:9]), MAX_LIMIT)


def _wanted(request: HttpRequest) -> Q:
    wanted = Q()
    for name in ("task", "queue"):
        if value := clean(request.GET.get(name, "")):
            wanted &= Q((name, value))
    if text := clean(request.GET.get("q", "")).strip():
        wanted &= matching_jobs(text)
    if cursor := request.GET.get("cursor"):
        wanted &= Q(id__lt=_cursor(cursor))
    return wanted


def _with_status(request: HttpRequest, rows: JobQuerySet) -> JobQuerySet:
    """Several statuses may be given, repeated or with commas between."""
    asked = {one for text in request.GET.getlist("status") for one in text.split(",") if one}
    if unknown := sorted(asked - set(Status.values)):
        raise invalid(
            "/status", f"There is no status {unknown[0]!a}. Known: {', '.join(Status.values)}."
        )
    if len(asked) == 1:
        return rows.with_status(asked.pop())
    return rows.filter(status__in=asked) if asked else rows


def _cursor(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise invalid(
            "/cursor", "This is no cursor; follow the Link of the page before."
        ) from error


def _next(request: HttpRequest, last: Job) -> str:
    query = request.GET.copy()
    query["cursor"] = str(last.id)
    return f'<{request.path}?{query.urlencode()}>; rel="next"'
