"""``GET /openapi.json`` and ``GET /docs``: the API describes itself."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse

from jobs.api.auth import identify
from jobs.api.json_schema import component_schemas
from jobs.api.openapi import document
from jobs.api.operations import SUBMIT_ONE, Operation, Response, operations
from jobs.api.problems import KINDS, UNAUTHENTICATED
from jobs.api.python_sample import python_sample
from jobs.api.responses import JsonResponse
from jobs.api.serializers import root
from jobs.api.task_operations import task_operation
from jobs.api.task_schemas import TaskSchemas
from jobs.catalog import exposed_tasks
from jobs.catalog.registry import AnyTask
from jobs.core.rendering import render


@Operation(
    "getDocument",
    [Response(200, "Document")],
    problems=[UNAUTHENTICATED],
    tag="the API",
    curl='-H "Authorization: Bearer $TOKEN" $URL',
)
def get_document(request: HttpRequest) -> HttpResponse:
    """This description.

    With a credential, it contains the schemas of the tasks' arguments.
    """
    return JsonResponse(document(_described_tasks(request)))


@Operation(
    "getDocs",
    [Response(200, "Text", content_type="text/html")],
    problems=[UNAUTHENTICATED],
    tag="the API",
)
def get_docs(request: HttpRequest) -> HttpResponse:
    """This description as a page."""
    tasks = _described_tasks(request)
    found = operations()
    sections = [
        (tag, [_with_python(one) for one in found if one.tag == tag])
        for tag in dict.fromkeys(one.tag for one in found)
    ]
    context = {
        "sections": sections,
        "kinds": KINDS,
        "schemas": [(name, _indented(schema)) for name, schema in component_schemas().items()],
        "tasks": _task_sections(tasks, found),
        "section": "api",
        "mount": root().rstrip("/"),
        "desk": request.build_absolute_uri(root()).rstrip("/"),
    }
    return render(request, "jobs/api-docs.html", context)


def _task_sections(
    tasks: list[AnyTask], found: list[Operation]
) -> list[tuple[AnyTask, Operation, str, str]]:
    (submit,) = (one for one in found if one.id == SUBMIT_ONE)
    task_schemas = TaskSchemas(tasks)
    return [
        (task, *_with_python(task_operation(submit, task, task_schemas)), _indented(schema))
        for task in tasks
        for schema in [task.spec.json_schema]
    ]


def _with_python(operation: Operation) -> tuple[Operation, str]:
    return operation, python_sample(operation)


def _described_tasks(request: HttpRequest) -> list[AnyTask]:
    """The tasks are listed for known callers only."""
    return exposed_tasks() if identify(request) is not None else []


def _indented(schema: Any) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False)
