"""The list of jobs: filters, search, pages by cursor."""

from __future__ import annotations

import uuid
import zlib
from typing import Any, Final

from django.http import HttpResponse, HttpResponseNotModified, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from jobs.catalog import all_tasks
from jobs.core.jsonutils import clean
from jobs.core.states import Status
from jobs.core.uuid7 import is_uuid
from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.queries.job_search import matching_jobs
from jobs.queries.stats import configured_queues, recorded_tasks
from jobs.web.access import SignedIn, signed_in
from jobs.web.rows import Row, light, rows

PAGE: Final = 50
FILTERS: Final = ("who", "status", "task", "queue", "q")


@require_safe
@signed_in
def jobs(request: SignedIn) -> HttpResponse:
    """Show this user's jobs, or everyone's to staff, newest first."""
    everyone = request.user.is_staff and request.GET.get("who") == "all"
    asked = {name: clean(request.GET.get(name, "").strip()) for name in FILTERS}
    found, newer, older = _page(_wanted(request, everyone, asked), request.GET)
    context = {
        "rows": found,
        "unfinished": any(row.job.is_unfinished for row in found),
        "newer": _link(asked, after=found[0]) if newer and found else "",
        "older": _link(asked, before=found[-1]) if older and found else "",
        "everyone": everyone,
        "asked": asked,
        "filtered": any(asked[name] for name in FILTERS if name != "who"),
        "statuses": Status.choices,
        "tasks": _task_choices(asked["task"]),
        "queues": sorted(configured_queues() | {asked["queue"]} - {""}),
        "here": request.get_full_path(),
        "pick": True,
        "place": "list",
        "section": "jobs",
    }
    return render(request, "jobs/list.html", context)


def _wanted(request: SignedIn, everyone: bool, asked: dict[str, str]) -> JobQuerySet:
    # Staff see everyone's jobs only when they ask for them: "my jobs" is the same for all.
    found = Job.objects.all() if everyone else Job.objects.filter(owner=request.user)
    if asked["status"] in Status.values:
        found = found.with_status(asked["status"])
    for name in ("task", "queue"):
        if asked[name]:
            found = found.filter(**{name: asked[name]})
    return found.filter(matching_jobs(asked["q"])) if asked["q"] else found


def _page(found: JobQuerySet, query: QueryDict) -> tuple[list[Row], bool, bool]:
    """Return the page that the cursor asks for, whether there are newer jobs, and older ones.

    One more row than is shown tells that; nothing is counted.
    """
    after, before = query.get("after", ""), query.get("before", "")
    jobs = light(found)
    if is_uuid(after):
        newest_last = list(jobs.filter(id__gt=uuid.UUID(after)).order_by("id")[: PAGE + 1])
        return rows(reversed(newest_last[:PAGE])), len(newest_last) > PAGE, True
    if is_uuid(before):
        jobs = jobs.filter(id__lt=uuid.UUID(before))
    shown = list(jobs.order_by("-id")[: PAGE + 1])
    return rows(shown[:PAGE]), is_uuid(before), len(shown) > PAGE


def _link(asked: dict[str, str], **cursor: Row) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in asked.items() if value})
    for name, row in cursor.items():
        query[name] = str(row.job.id)
    return f"?{query.urlencode()}"


def _task_choices(asked: str) -> list[tuple[str, str]]:
    """Tasks to filter by: those of the code, and those that only old jobs know."""
    titles: dict[str, Any] = {name: task.title for name, task in all_tasks().items()}
    for name in recorded_tasks() | ({asked} - {""}):
        titles.setdefault(name, name)
    return sorted(titles.items(), key=lambda item: str(item[1]).casefold())


@require_safe
@signed_in
def fresh_rows(request: SignedIn) -> HttpResponse:
    """Answer with the rows of these jobs as they are now, for a list that is open."""
    ids = [one for one in request.GET.getlist("id")[:PAGE] if is_uuid(one)]
    found = rows(light(Job.objects.visible_to(request.user).filter(pk__in=ids)))
    versions = repr([(row.job.id.hex, row.job.version) for row in found])
    headers = {"ETag": f'"{zlib.crc32(versions.encode()):x}"', "Cache-Control": "no-store"}
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return HttpResponseNotModified(headers=headers)
    place = request.GET.get("place", "")
    context = {
        "rows": found,
        "place": place,
        "pick": place == "list",
        "everyone": request.GET.get("who") == "all",
        "unfinished": any(row.job.is_unfinished for row in found),
    }
    html = render_to_string("jobs/_fresh_rows.html", context, request)
    return HttpResponse(html, headers=headers)
