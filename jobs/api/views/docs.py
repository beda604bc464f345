"""``GET /openapi.json`` and ``GET /docs``: the API describes itself."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse

from jobs.api.auth import identify
from jobs.api.json_schema import component_schemas
from jobs.api.openapi import document
from jobs.api.operations import Operation, Response, operations
from jobs.api.problems import KINDS, UNAUTHENTICATED
from jobs.api.responses import JsonResponse
from jobs.api.serializers import root
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
    context = {
        "operations": operations(),
        "kinds": KINDS,
        "schemas": [(name, _indented(schema)) for name, schema in component_schemas().items()],
        "tasks": [(task, _indented(task.spec.json_schema)) for task in tasks],
        "desk": request.build_absolute_uri(root()).rstrip("/"),
    }
    return render(request, "jobs/api-docs.html", context)


def _described_tasks(request: HttpRequest) -> list[AnyTask]:
    """The tasks are listed for known callers only."""
    return exposed_tasks() if identify(request) is not None else []


def _indented(schema: Any) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False)
