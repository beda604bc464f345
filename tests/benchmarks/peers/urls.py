"""A view that submits a job, and one that shows that the server is up."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.systems import systems

MEASURED = systems()[Sandbox.from_environment().system]


def ping(request: HttpRequest) -> JsonResponse:
    """Answer."""
    return JsonResponse({"ok": True})


@csrf_exempt
def submit(request: HttpRequest) -> JsonResponse:
    """Submit a job that does nothing."""
    MEASURED.enqueue("noop", "web")
    return JsonResponse({"queued": True}, status=202)


urlpatterns = [path("ping", ping), path("submit", submit)]
