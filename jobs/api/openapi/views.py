"""``GET /openapi.json`` and ``GET /docs``."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from jobs.api.auth import identify
from jobs.api.problems import KINDS
from jobs.api.responses import JsonResponse
from jobs.api.serializers import root
from jobs.catalog import exposed_tasks
from jobs.catalog.registry import AnyTask

from .document import ALL_CALLS, document
from .schemas import SCHEMAS


def show_document(request: HttpRequest) -> HttpResponse:
    """Answer with the OpenAPI document."""
    return JsonResponse(document(_tasks(request)))


def show_docs(request: HttpRequest) -> HttpResponse:
    """Answer with the page: the calls, the problems, the schemas."""
    context = {
        "calls": ALL_CALLS,
        "kinds": KINDS,
        "schemas": [(name, _shown(schema)) for name, schema in SCHEMAS.items()],
        "tasks": [(task, _shown(task.spec.json_schema)) for task in _tasks(request)],
        "desk": request.build_absolute_uri(root()).rstrip("/"),
    }
    return render(request, "jobs/api-docs.html", context)


def _tasks(request: HttpRequest) -> list[AnyTask]:
    """What tasks there are is for those we know."""
    return exposed_tasks() if identify(request) is not None else []


def _shown(schema: Any) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False)
