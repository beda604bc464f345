"""``POST /jobs``: submit a job."""

from __future__ import annotations

import re
from typing import Any, Final

from django.http import HttpRequest
from pydantic import ValidationError

from jobs.api import problems
from jobs.api.auth import Caller
from jobs.api.etag import artifacts_of
from jobs.api.operations import Operation, Response, header
from jobs.api.problems import MALFORMED, ApiError
from jobs.api.request_body import read_json
from jobs.api.responses import JSON, JsonResponse
from jobs.api.schemas import Submission
from jobs.api.serializers import job_json, retry_after
from jobs.catalog.signature import field_errors
from jobs.conf import get_conf
from jobs.core.jsonutils import canonical_digest
from jobs.core.tracing import parse_traceparent
from jobs.errors import InvalidOptions
from jobs.submission import SubmitOptions, submit_job

_KEY: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")

SUBMISSION_HEADERS: Final = [
    header(
        "Idempotency-Key",
        "Makes the request safe to repeat. It belongs to its owner and is kept as long as the "
        "job, at least for a day. A refused request (4xx) is not remembered.",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x20-\x7e]*$"},
    ),
    header(
        "traceparent",
        "W3C Trace Context: the job's span links to it. One that is not valid is ignored.",
        {"type": "string"},
    ),
]


@Operation(
    "submitJob",
    [Response(202, "Job", "Location Retry-After"), Response(200, "Job", "Location Retry-After")],
    SUBMISSION_HEADERS,
    problems=[
        problems.FORBIDDEN,
        problems.UNKNOWN_TASK,
        problems.IDEMPOTENCY_CONFLICT,
        problems.INVALID,
        problems.QUEUE_FULL,
    ],
    body=JSON,
    example={"task": "webapp.square", "args": {"n": 7}},
    curl="""-H "Content-Type: application/json" \\
  -d '{"task": "webapp.square", "args": {"n": 7}}' $URL""",
)
def post_job(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Submit a job.

    The job is recorded, and the response comes at once; it runs later. With an Idempotency-Key a
    request can be repeated safely: the same JSON gets the first job, with status 200.
    """
    raw = read_json(request, get_conf().max_body)
    return submitted_response(request, caller, _checked(raw), raw)


def submitted_response(
    request: HttpRequest, caller: Caller, asked: Submission, raw: Any
) -> JsonResponse:
    """Submit a job, and return the response.

    Args:
        request: its headers are looked at.
        caller: the owner.
        asked: what is submitted.
        raw: the same as JSON, by which a repeated request is known.
    """
    key = _idempotency_key(request)
    submitted = submit_job(
        asked.task,
        asked.args,
        options=SubmitOptions(
            idempotency_key=key,
            request_digest=canonical_digest(raw) if key is not None else "",
            traceparent=parse_traceparent(request.META.get("HTTP_TRACEPARENT")),
            **asked.model_dump(exclude={"task", "args"}),
        ),
        owner=caller.user,
        enforce_limits=True,
    )
    job = submitted.job
    body = job_json(job, artifacts_of(job))
    return JsonResponse(
        body,
        202 if submitted.created else 200,
        {"Location": body["links"]["self"], **retry_after(job.status)},
    )


def _idempotency_key(request: HttpRequest) -> str | None:
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not _KEY.fullmatch(key):
        raise ApiError(MALFORMED, "An Idempotency-Key is 1 to 255 visible ASCII characters.")
    return key


def _checked(raw: Any) -> Submission:
    if not isinstance(raw, dict):
        raise InvalidOptions([{"pointer": "", "detail": "Send a JSON object."}])
    try:
        return Submission.model_validate(raw)
    except ValidationError as error:
        raise InvalidOptions(field_errors(error, raw)) from error
