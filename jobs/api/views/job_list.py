"""``GET /jobs``: the caller's jobs, newest first or in another order."""

from __future__ import annotations

import hashlib
from typing import Final

from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse

from jobs.api import schemas
from jobs.api.auth import Caller
from jobs.api.exception_handlers import invalid
from jobs.api.job_filters import FILTERS, one_value, read_filter
from jobs.api.job_members import LARGE, MEMBERS, members_of
from jobs.api.operations import Operation, Response, header, query
from jobs.api.page_size import page_size
from jobs.api.preconditions import is_known, not_modified
from jobs.api.problems import FORBIDDEN, INVALID
from jobs.api.responses import JsonResponse
from jobs.api.serializers import listed_job, root
from jobs.queries.job_list import Cursor, Page, Sort, read_page

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200


@Operation(
    "listJobs",
    [Response(200, "JobList", "Link ETag"), Response(304, "", "ETag")],
    [
        *FILTERS,
        query(
            "sort",
            "The order: `-id` begins with the last one submitted, `-finished_at` with the last one "
            "that finished, and has no unfinished ones.",
            {"type": "string", "enum": [*Sort], "default": Sort.NEWEST.value},
        ),
        *MEMBERS,
        query(
            "limit",
            f"Jobs on a page; more than {MAX_LIMIT} is taken as {MAX_LIMIT}.",
            {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT},
        ),
        query("cursor", "Where the page begins; `Link` gives it."),
        header("If-None-Match", "The `ETag` you have."),
    ],
    problems=[FORBIDDEN, INVALID],
    curl='"$URL?status=failed&created_after=2026-11-21T00:00:00Z&fields=id,error"',
)
def list_jobs(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List jobs, newest first.

    One's own, or everybody's with the permission ``jobs.view_job``. Follow the ``Link`` with
    ``rel="next"``: there is one as long as ``more`` is true. A filter that no index serves looks at
    10,000 jobs a page: such a page may have fewer jobs than ``limit``, or none, and a next one all
    the same.
    """
    sort = _sort(request)
    limit = page_size(request, DEFAULT_LIMIT, MAX_LIMIT)
    members = members_of(request)
    large = [column for member, column in LARGE.items() if member in members]
    page = read_page(read_filter(request, caller), sort, limit, _cursor(request, sort), large)
    etag = _etag(request, page)
    if is_known(request, etag):
        return not_modified(etag)
    if "artifacts" in members:
        prefetch_related_objects([job for job in page.jobs if job.attempt], "artifacts")
    mount = root()
    body: schemas.JobList = {
        "items": [listed_job(job, members, mount) for job in page.jobs],
        "more": page.next is not None,
    }
    headers = {"ETag": etag}
    if page.next is not None:
        headers["Link"] = _next_link(request, page.next)
    return JsonResponse(body, 200, headers)


def _sort(request: HttpRequest) -> Sort:
    text = one_value(request, "sort")
    try:
        return Sort(text or Sort.NEWEST)
    except ValueError as error:
        raise invalid(
            "/sort", f"A list is sorted by one of: {', '.join(Sort)}. Ids grow with time."
        ) from error


def _cursor(request: HttpRequest, sort: Sort) -> Cursor | None:
    text = one_value(request, "cursor")
    try:
        return Cursor.read(text, sort) if text else None
    except ValueError as error:
        raise invalid(
            "/cursor", "This is no cursor of this list; follow the Link of the page before."
        ) from error


def _next_link(request: HttpRequest, cursor: Cursor) -> str:
    query = request.GET.copy()
    query["cursor"] = str(cursor)
    return f'<{request.path}?{query.urlencode()}>; rel="next"'


def _etag(request: HttpRequest, page: Page) -> str:
    """A strong tag, known before anything but the rows is read and written.

    It covers what the response is made of: the query, with the filters and the members; the jobs
    in their order, of which each change is a new version, also a new file; and the next page. The
    user has no part in it beside that: the same jobs look the same to everybody.
    """
    digest = hashlib.sha256(request.META.get("QUERY_STRING", "").encode("utf-8", "replace"))
    for job in page.jobs:
        digest.update(f"\n{job.id.hex}-{job.version}".encode("ascii"))
    digest.update(f"\n{page.next}".encode("ascii"))
    return f'"{digest.hexdigest()[:32]}"'
