"""``GET /tasks`` and ``GET /tasks/{name}``: what can be handed in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from jobs.api.auth import Caller
from jobs.api.responses import JsonResponse, api_url
from jobs.api.serializers import root
from jobs.catalog import exposed_tasks, get_task
from jobs.catalog.registry import AnyTask
from jobs.submission import may_use


def list_tasks(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Answer with every task that can be handed in from outside."""
    return JsonResponse({"items": [task_json(task, caller) for task in exposed_tasks()]})


def get_one_task(request: HttpRequest, caller: Caller, name: str) -> JsonResponse:
    """Answer with one task."""
    return JsonResponse(task_json(get_task(name), caller))


def task_json(task: AnyTask, caller: Caller) -> dict[str, Any]:
    """Return what the API says of a task; ``allowed`` is for this caller."""
    return {
        "name": task.name,
        "title": task.title,
        "description": task.description,
        "queue": task.queue_name,
        "priority": task.priority,
        "max_attempts": task.max_attempts,
        "timeout": task.timeout,
        "executor": task.executor,
        "permission": task.permission,
        "allowed": may_use(task, caller.user),
        "schema": task.spec.json_schema,
        "links": {
            "self": api_url("task", name=task.name),
            "html": f"{root()}tasks/{task.name}/",
        },
    }
