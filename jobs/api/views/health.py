"""For monitoring: ``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

import logging

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from jobs.api import schemas
from jobs.api.auth import Caller
from jobs.api.endpoint import endpoint, open_endpoint
from jobs.api.exception_handlers import database_away, database_unfit
from jobs.api.exposition import CONTENT_TYPE
from jobs.api.metrics import exposition
from jobs.api.operations import Operation, Response
from jobs.api.problems import FORBIDDEN, ApiError
from jobs.api.responses import JsonResponse
from jobs.core.database_faults import is_temporary
from jobs.core.database_file import require_same_file
from jobs.core.db import connection
from jobs.core.storage import RETRY_SECONDS
from jobs.errors import Unavailable
from jobs.queries.storage_health import storage_problem

from .queues import queue_states

logger = logging.getLogger("jobs")


@Operation("isAlive", [Response(200, "State")], tag="watching")
def healthz(request: HttpRequest) -> JsonResponse:
    """Whether the process serves."""
    body: schemas.State = {"status": "ok"}
    return JsonResponse(body)


@Operation("isReady", [Response(200, "State")], tag="watching")
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether jobs can be submitted."""
    require_same_file()
    try:  # the database responds, and has our tables
        with connection().cursor() as cursor:
            cursor.execute("SELECT paused FROM jobs_queue LIMIT 1")
            cursor.fetchall()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("Not ready: %s", error)
        raise (database_away() if is_temporary(error) else database_unfit()) from error
    problem = storage_problem()
    if problem is not None:
        raise Unavailable(problem, RETRY_SECONDS)
    body: schemas.State = {"status": "ready"}
    return JsonResponse(body)


@Operation("getMetrics", [Response(200, "Text")], problems=[FORBIDDEN], tag="watching")
def metrics(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Numbers for Prometheus.

    In the text format, version 0.0.4. For staff, or with anyone's token.
    """
    if not (caller.by_token or caller.is_staff):
        raise ApiError(FORBIDDEN, "The metrics are for staff, or for a token.")
    now = timezone.now()
    return HttpResponse(exposition(queue_states(now), now), content_type=CONTENT_TYPE)


HEALTHZ = open_endpoint(get=healthz)
READYZ = open_endpoint(get=readyz)
METRICS = endpoint(get=metrics)
