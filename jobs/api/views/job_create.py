"""``POST /jobs``: submit a job."""

from __future__ import annotations

import re
from typing import Any, Final

from django.http import HttpRequest
from pydantic import ValidationError

from jobs.api import problems
from jobs.api.auth import Caller
from jobs.api.etag import artifacts_of, job_version, visible_job
from jobs.api.long_poll import PREFER, held_wait, wait_for_job, wait_preference
from jobs.api.operations import Operation, Response, header
from jobs.api.problems import MALFORMED, ApiError
from jobs.api.request_body import read_json
from jobs.api.responses import JSON, JsonResponse
from jobs.api.schemas import Submission
from jobs.api.serializers import job_json, retry_after
from jobs.catalog.signature import field_errors
from jobs.conf import get_conf
from jobs.core.jsonutils import canonical_digest
from jobs.core.states import FINAL
from jobs.core.tracing import parse_traceparent
from jobs.errors import InvalidOptions
from jobs.models import Job
from jobs.submission import SubmitOptions, submit_job

_KEY: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


@Operation(
    "submitJob",
    [
        Response(202, "Job", "Location Retry-After Preference-Applied"),
        Response(200, "Job", "Location Retry-After Preference-Applied"),
    ],
    [
        PREFER,
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
    ],
    problems=[
        problems.FORBIDDEN,
        problems.UNKNOWN_TASK,
        problems.IDEMPOTENCY_CONFLICT,
        problems.INVALID,
        problems.QUEUE_FULL,
    ],
    body=JSON,
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
    wait = held_wait(request)
    if wait is not None:  # it was submitted when the request came
        return _response(request, caller, visible_job(caller, wait.job_id), True)
    key = _idempotency_key(request)
    raw = read_json(request, get_conf().max_body)
    asked = _checked(raw)
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
    return _response(request, caller, submitted.job, submitted.created)


def _response(request: HttpRequest, caller: Caller, job: Job, was_created: bool) -> JsonResponse:
    seconds = wait_preference(request.META.get("HTTP_PREFER", ""))
    headers: dict[str, str] = {}
    if seconds is not None:
        job, could_wait = _wait(request, caller, job, seconds)
        headers = {"Preference-Applied": f"wait={seconds}"} if could_wait else {}
    body = job_json(job, artifacts_of(job))
    has_ended = seconds is not None and job.status in FINAL
    return JsonResponse(
        body,
        202 if was_created and not has_ended else 200,
        {"Location": body["links"]["self"], **retry_after(job.status), **headers},
    )


def _wait(request: HttpRequest, caller: Caller, job: Job, seconds: int) -> tuple[Job, bool]:
    """Wait for the end of the job; return it as it is then, and whether the request could wait."""
    if job.status in FINAL:
        return job, True

    def has_ended() -> bool:
        return job_version(caller, job.pk).is_finished

    could_wait = wait_for_job(request, job.pk, None, has_ended, seconds)
    return visible_job(caller, job.pk), could_wait


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
