"""The list of jobs: filters, search, pages by cursor."""

from __future__ import annotations

import uuid
import zlib
from typing import Any, Final

from django.http import HttpResponse, HttpResponseNotModified, QueryDict
from django.views.decorators.http import require_safe

from jobs.catalog import all_tasks
from jobs.core.jsonutils import clean
from jobs.core.rendering import render, render_to_string
from jobs.core.rights import VIEW_JOBS, has_right
from jobs.core.states import Status
from jobs.core.uuid7 import is_uuid
from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.queries.job_search import matching_jobs
from jobs.queries.stats import configured_queues, recorded_tasks
from jobs.web.access import SignedIn, signed_in
from jobs.web.rows import Row, rows, select_row_columns

PAGE_SIZE: Final = 50
FILTERS: Final = ("who", "status", "task", "queue", "q")


@require_safe
@signed_in
def jobs(request: SignedIn) -> HttpResponse:
    """Show this user's jobs, or everyone's to who has that right, newest first."""
    may_see_all = has_right(request.user, VIEW_JOBS)
    everyone = may_see_all and request.GET.get("who") == "all"
    filters = {name: clean(request.GET.get(name, "").strip()) for name in FILTERS}
    found, newer, older = _page(
        _filtered(request, everyone, filters), request.GET, with_owners=everyone
    )
    context = {
        "rows": found,
        "unfinished": any(row.job.is_unfinished for row in found),
        "newer": _link(filters, after=found[0]) if newer and found else "",
        "older": _link(filters, before=found[-1]) if older and found else "",
        "everyone": everyone,
        "may_see_all": may_see_all,
        "filters": filters,
        "filtered": any(filters[name] for name in FILTERS if name != "who"),
        "statuses": Status.choices,
        "tasks": _task_choices(filters["task"]),
        "queues": sorted(configured_queues() | {filters["queue"]} - {""}),
        "current_path": request.get_full_path(),
        "selectable": True,
        "page": "list",
        "section": "jobs",
    }
    return render(request, "jobs/list.html", context)


def _own(request: SignedIn) -> JobQuerySet:
    return Job.objects.filter(owner=request.user)


def _filtered(request: SignedIn, everyone: bool, filters: dict[str, str]) -> JobQuerySet:
    # Everyone's jobs are shown only on request: "My jobs" means the same to everyone.
    found = Job.objects.visible_to(request.user) if everyone else _own(request)
    if filters["status"] in Status.values:
        found = found.with_status(filters["status"])
    for name in ("task", "queue"):
        if filters[name]:
            found = found.filter(**{name: filters[name]})
    return found.filter(matching_jobs(filters["q"])) if filters["q"] else found


def _page(
    found: JobQuerySet, query: QueryDict, *, with_owners: bool
) -> tuple[list[Row], bool, bool]:
    """Return the page that the cursor asks for, whether there are newer jobs, and older ones.

    One more row than is shown is read for that; nothing is counted.
    """
    after, before = query.get("after", ""), query.get("before", "")
    jobs = select_row_columns(found)
    if is_uuid(after):
        newest_last = list(jobs.filter(id__gt=uuid.UUID(after)).order_by("id")[: PAGE_SIZE + 1])
        shown = rows(reversed(newest_last[:PAGE_SIZE]), with_owners=with_owners)
        return shown, len(newest_last) > PAGE_SIZE, True
    if is_uuid(before):
        jobs = jobs.filter(id__lt=uuid.UUID(before))
    newest_first = list(jobs.order_by("-id")[: PAGE_SIZE + 1])
    shown = rows(newest_first[:PAGE_SIZE], with_owners=with_owners)
    return shown, is_uuid(before), len(newest_first) > PAGE_SIZE


def _link(filters: dict[str, str], **cursor: Row) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in filters.items() if value})
    for name, row in cursor.items():
        query[name] = str(row.job.id)
    return f"?{query.urlencode()}"


def _task_choices(selected: str) -> list[tuple[str, str]]:
    """The tasks to filter by: those in the code, and those that only old jobs name."""
    titles: dict[str, Any] = {name: task.title for name, task in all_tasks().items()}
    for name in recorded_tasks() | ({selected} - {""}):
        titles.setdefault(name, name)
    return sorted(titles.items(), key=lambda item: str(item[1]).casefold())


@require_safe
@signed_in
def fresh_rows(request: SignedIn) -> HttpResponse:
    """Answer with the rows of these jobs as they are now, for an open list; 304 if unchanged."""
    ids = [one for one in request.GET.getlist("id")[:PAGE_SIZE] if is_uuid(one)]
    everyone = request.GET.get("who") == "all"
    visible = Job.objects.visible_to(request.user) if everyone else _own(request)
    jobs = select_row_columns(visible.filter(pk__in=ids))
    found = rows(jobs, with_owners=everyone)
    versions = repr([(row.job.id.hex, row.job.version) for row in found])
    headers = {"ETag": f'"{zlib.crc32(versions.encode()):x}"', "Cache-Control": "no-store"}
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return HttpResponseNotModified(headers=headers)
    page = request.GET.get("page", "")
    context = {
        "rows": found,
        "page": page,
        "selectable": page == "list",
        "everyone": everyone,
        "unfinished": any(row.job.is_unfinished for row in found),
    }
    html = render_to_string("jobs/_fresh_rows.html", context, request)
    return HttpResponse(html, headers=headers)
