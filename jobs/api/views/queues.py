"""``GET /queues``: how full each queue is, and how many consumers serve it."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils import timezone

from jobs.api import schemas
from jobs.api.auth import Caller
from jobs.api.operations import Operation, Response
from jobs.api.responses import JsonResponse
from jobs.core.credentials import token_limits
from jobs.queries.queue_states import queue_states


@Operation("listQueues", [Response(200, "QueueList")], tag="watching")
def list_queues(request: HttpRequest, caller: Caller) -> JsonResponse:
    """List the queues and how full they are.

    All of them, or those that the token is limited to.
    """
    limits = token_limits(caller.user)
    names = None if limits is None else limits.queues
    states = queue_states(timezone.now())
    shown = [one for one in states if names is None or one["name"] in names]
    body: schemas.QueueList = {"items": [*shown]}
    return JsonResponse(body)
