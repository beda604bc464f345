"""For monitoring: ``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from jobs.api import schemas
from jobs.api.auth import Caller
from jobs.api.endpoint import endpoint, open_endpoint
from jobs.api.exception_handlers import database_away
from jobs.api.metrics import CONTENT_TYPE, exposition
from jobs.api.problems import FORBIDDEN, ApiError
from jobs.api.responses import JsonResponse
from jobs.core.db import connection

from .queues import queue_states


def healthz(request: HttpRequest) -> JsonResponse:
    """Say that this process serves; nothing else is checked."""
    body: schemas.State = {"status": "ok"}
    return JsonResponse(body)


def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether jobs can be submitted: the database responds, and has our tables."""
    try:
        with connection().cursor() as cursor:
            cursor.execute("SELECT paused FROM jobs_queue LIMIT 1")
            cursor.fetchall()
    except DatabaseError as error:
        raise database_away() from error
    body: schemas.State = {"status": "ready"}
    return JsonResponse(body)


def metrics(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Return the queues' metrics, as Prometheus reads them."""
    if not (caller.by_token or caller.is_staff):
        raise ApiError(FORBIDDEN, "The metrics are for staff, or for a token.")
    return HttpResponse(exposition(queue_states(timezone.now())), content_type=CONTENT_TYPE)


HEALTHZ = open_endpoint(get=healthz)
READYZ = open_endpoint(get=readyz)
METRICS = endpoint(get=metrics)
