"""``GET /openapi.json`` and ``GET /docs``: the API describes itself."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from jobs.api.auth import identify
from jobs.api.json_schema import component_schemas
from jobs.api.openapi import document
from jobs.api.operations import OPERATIONS
from jobs.api.problems import KINDS
from jobs.api.responses import JsonResponse
from jobs.api.serializers import root
from jobs.catalog import exposed_tasks
from jobs.catalog.registry import AnyTask


def get_document(request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI document."""
    return JsonResponse(document(_described_tasks(request)))


def get_docs(request: HttpRequest) -> HttpResponse:
    """Return the page: the operations, the problems, the schemas."""
    tasks = _described_tasks(request)
    context = {
        "operations": OPERATIONS,
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
