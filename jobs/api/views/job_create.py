"""``POST /jobs``: submit a job."""

from __future__ import annotations

from django.http import HttpRequest

from jobs.api.auth import Caller
from jobs.api.operations import Operation
from jobs.api.request_body import read_json
from jobs.api.responses import JSON, JsonResponse
from jobs.api.submitted import (
    SUBMISSION_HEADERS,
    SUBMISSION_PROBLEMS,
    SUBMITTED,
    submitted_response,
    waited_response,
)
from jobs.conf import get_conf
from jobs.core.credentials import SUBMIT


@Operation(
    "submitJob",
    SUBMITTED,
    SUBMISSION_HEADERS,
    problems=SUBMISSION_PROBLEMS,
    body=JSON,
    scope=SUBMIT,
    example={"task": "webapp.square", "args": {"n": 7}},
    curl="""-H "Content-Type: application/json" \\
  -d '{"task": "webapp.square", "args": {"n": 7}}' $URL""",
)
def post_job(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Submit a job.

    The job is recorded, and the response comes at once; it runs later. With an Idempotency-Key a
    request can be repeated safely: the same JSON gets the first job, with status 200.

    ``Prefer: wait=N`` waits for the end of the job: a job that has ended by then is responded with
    status 200.
    """
    waited = waited_response(request, caller)
    if waited is not None:
        return waited
    raw = read_json(request, get_conf().max_body)
    return submitted_response(request, caller, raw)
