"""``GET /tasks`` and ``GET /tasks/{name}``: what can be submitted."""

from __future__ import annotations

from django.http import HttpRequest

from jobs.api import schemas
from jobs.api.auth import Caller
from jobs.api.operations import Operation, Response
from jobs.api.problems import UNKNOWN_TASK
from jobs.api.responses import JsonResponse, api_url
from jobs.api.serializers import root
from jobs.catalog import exposed_tasks, get_task
from jobs.catalog.registry import AnyTask
from jobs.submission import may_use


@Operation("listTasks", [Response(200, "TaskList")], tag="tasks")
def list_tasks(request: HttpRequest, caller: Caller) -> JsonResponse:
    """List the tasks that can be submitted."""
    body: schemas.TaskList = {"items": [task_json(task, caller) for task in exposed_tasks()]}
    return JsonResponse(body)


@Operation(
    "getTask",
    [Response(200, "Task")],
    problems=[UNKNOWN_TASK],
    tag="tasks",
    curl="$DESK/api/v1/tasks/webapp.square",
)
def get_one_task(request: HttpRequest, caller: Caller, name: str) -> JsonResponse:
    """Get a task and the schema of its arguments."""
    return JsonResponse(task_json(get_task(name), caller))


def task_json(task: AnyTask, caller: Caller) -> schemas.Task:
    """Return a task as the API shows it; ``allowed`` is for this caller."""
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
            "jobs": api_url("task-jobs", name=task.name),
        },
    }
