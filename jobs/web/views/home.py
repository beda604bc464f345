"""The first page: what can be done, and what was done last."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from jobs.catalog import exposed_tasks
from jobs.catalog.registry import AnyTask
from jobs.models import Job
from jobs.submission import may_use
from jobs.web.access import SignedIn, signed_in
from jobs.web.rows import light, rows

LAST = 8


@signed_in
def home(request: SignedIn) -> HttpResponse:
    """The catalogue of tasks, narrowed by ``?q=``, and this user's last jobs."""
    usable = [task for task in exposed_tasks() if may_use(task, request.user)]
    wanted = request.GET.get("q", "").strip()
    last = rows(light(Job.objects.filter(owner=request.user))[:LAST])
    context = {
        "tasks": [task for task in usable if matches(task, wanted)],
        "any_task": bool(usable),
        "q": wanted,
        "rows": last,
        "unfinished": any(row.job.is_unfinished for row in last),
        "place": "home",
    }
    return render(request, "jobs/home.html", context)


def matches(task: AnyTask, wanted: str) -> bool:
    """Whether each word that was typed occurs in the task's title, name or description."""
    text = f"{task.title} {task.name} {task.description}".casefold()
    return all(word in text for word in wanted.casefold().split())
