"""The first page: the tasks to choose from, and the user's last jobs."""

from __future__ import annotations

from django.http import HttpResponse

from jobs.catalog import exposed_tasks
from jobs.catalog.registry import AnyTask
from jobs.core.rendering import render
from jobs.models import Job
from jobs.submission import may_use
from jobs.web.access import SignedIn, signed_in
from jobs.web.rows import rows, select_row_columns

LAST = 8


@signed_in
def home(request: SignedIn) -> HttpResponse:
    """Show the catalogue of tasks, narrowed by ``?q=``, and this user's last jobs."""
    usable = [task for task in exposed_tasks() if may_use(task, request.user)]
    search = request.GET.get("q", "").strip()
    last = rows(select_row_columns(Job.objects.filter(owner=request.user))[:LAST])
    context = {
        "tasks": [task for task in usable if matches(task, search)],
        "any_task": bool(usable),
        "q": search,
        "rows": last,
        "unfinished": any(row.job.is_unfinished for row in last),
        "page": "home",
    }
    return render(request, "jobs/home.html", context)


def matches(task: AnyTask, search: str) -> bool:
    """Whether each word of a search occurs in the task's title, name or description."""
    text = f"{task.title} {task.name} {task.description}".casefold()
    return all(word in text for word in search.casefold().split())
