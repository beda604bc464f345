"""The first page: what can be done, and what was done last."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from ..catalog import exposed_tasks
from ..catalog.registry import AnyTask
from ..models import Job
from ..submission import may_use
from .access import SignedIn, signed_in
from .rows import light, rows

LAST = 8


@signed_in
def home(request: SignedIn) -> HttpResponse:
    """The catalogue of tasks, narrowed by ``?q=``, and this user's last jobs."""
    usable = [task for task in exposed_tasks() if may_use(task, request.user)]
    wanted = request.GET.get("q", "").strip()
    context = {
        "tasks": [task for task in usable if matches(task, wanted)],
        "any_task": bool(usable),
        "q": wanted,
        "rows": rows(light(Job.objects.filter(owner=request.user))[:LAST]),
        "place": "home",
    }
    return render(request, "jobs/home.html", context)


def matches(task: AnyTask, wanted: str) -> bool:
    """Whether each word that was typed occurs in the task's title, name or description."""
    text = f"{task.title} {task.name} {task.description}".casefold()
    return all(word in text for word in wanted.casefold().split())
