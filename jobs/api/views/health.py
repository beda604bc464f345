"""For monitoring: ``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

import logging

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
from jobs.core.credentials import token_limits
from jobs.core.database_faults import one_line, reconnect_after, retry_after
from jobs.core.database_file import require_same_file
from jobs.core.db import DATABASE_ERRORS
from jobs.core.rare_line import unusable_database
from jobs.core.rights import VIEW_JOBS, note_use
from jobs.core.storage import RETRY_SECONDS
from jobs.errors import Unavailable
from jobs.queries.database_health import database_problem
from jobs.queries.queue_states import queue_states
from jobs.queries.storage_health import storage_problem

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
    try:
        unavailable = database_problem()
    except DATABASE_ERRORS as error:
        unusable_database.warn(logger, "Not ready%s: %s", one_line(error))
        reconnect_after(error)
        seconds = retry_after(error)
        raise (database_unfit() if seconds is None else database_away(seconds)) from error
    if unavailable is not None:
        raise unavailable
    problem = storage_problem()
    if problem is not None:
        raise Unavailable(problem, RETRY_SECONDS)
    body: schemas.State = {"status": "ready"}
    return JsonResponse(body)


@Operation("getMetrics", [Response(200, "Text")], problems=[FORBIDDEN], tag="watching")
def metrics(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Numbers for Prometheus.

    In the text format, version 0.0.4. With anyone's token that is not limited to some jobs, or
    the session of somebody with the permission ``jobs.view_job``.
    """
    if token_limits(caller.user) is not None:
        raise ApiError(FORBIDDEN, "The metrics are of all jobs: this token is limited to some.")
    if not caller.by_token:
        if not caller.has_right(VIEW_JOBS):
            raise ApiError(FORBIDDEN, f"The metrics need a token, or {VIEW_JOBS!r}.")
        note_use(caller.user, VIEW_JOBS, "metrics")
    now = timezone.now()
    return HttpResponse(exposition(queue_states(now), now), content_type=CONTENT_TYPE)


# What watches adds what it likes to an address, and must not hear that the site is unwell.
HEALTHZ = open_endpoint(get=healthz, takes_any_query=True)
READYZ = open_endpoint(get=readyz, takes_any_query=True)
METRICS = endpoint(get=metrics, takes_any_query=True)
