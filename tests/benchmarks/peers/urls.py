"""A view that hands in a job, and one that says the server is up."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from tests.benchmarks.place import Place
from tests.benchmarks.systems import systems

MEASURED = systems()[Place.here().system]


def ping(request: HttpRequest) -> JsonResponse:
    """Say so."""
    return JsonResponse({"ok": True})


@csrf_exempt
def submit(request: HttpRequest) -> JsonResponse:
    """Hand in a job that does nothing."""
    MEASURED.enqueue("noop", "web")
    return JsonResponse({"queued": True}, status=202)


urlpatterns = [path("ping", ping), path("submit", submit)]
