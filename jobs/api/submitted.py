"""What the calls that submit one job have in common: their headers, and their response."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import get_language_from_request
from pydantic import ValidationError

from jobs.catalog.signature import field_errors
from jobs.core.jsonutils import canonical_digest
from jobs.core.states import FINAL
from jobs.core.tracing import parse_traceparent
from jobs.errors import InvalidOptions
from jobs.lifecycle import EmailOption
from jobs.models import Job
from jobs.submission import SubmitOptions, SubmitResult, submit_job

from . import problems
from .auth import Caller
from .etag import artifacts_of, job_version, visible_job
from .idempotency import REPLAYED, idempotency_key
from .long_poll import PREFER, held_wait, wait_for_job, wait_preference
from .operations import Response, header
from .rate_limit import rate_limit_headers
from .responses import JsonResponse
from .schemas import Submission
from .serializers import job_json, retry_after, root
from .waits import JobWait

_NAMES: Final = "Location Retry-After Preference-Applied RateLimit RateLimit-Policy"
SUBMITTED: Final = [
    Response(202, "Job", _NAMES),
    Response(200, "Job", f"{_NAMES} Idempotency-Replayed"),
]
SUBMISSION_PROBLEMS: Final = [
    problems.FORBIDDEN,
    problems.UNKNOWN_TASK,
    problems.IDEMPOTENCY_CONFLICT,
    problems.INVALID,
    problems.QUEUE_FULL,
    problems.QUOTA_EXCEEDED,
]
SUBMISSION_HEADERS: Final = [
    PREFER,
    header(
        "Idempotency-Key",
        "Makes the request safe to repeat. It belongs to its owner and is kept as long as the "
        "job, at least for a day. A refused request (4xx) is not remembered. Of requests that come "
        "at the same time one makes the job; the others wait for it, and get it.",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x20-\x7e]*$"},
    ),
    header(
        "traceparent",
        "W3C Trace Context: the job's span links to it. One that is not valid is ignored.",
        {"type": "string"},
    ),
]


def waited_response(request: HttpRequest, caller: Caller) -> JsonResponse | None:
    """Return the response to a request that the server has held; None for a new one.

    Its job was submitted when it came.
    """
    wait = held_wait(request, JobWait)
    if wait is None:
        return None
    job = visible_job(caller, wait.job_id)
    created, is_replay = wait.note
    return _response(request, caller, SubmitResult(job, created, is_replay))


def checked_submission(raw: Any) -> Submission:
    """Return what a value of JSON asks for.

    Raises:
        InvalidOptions: it does not fit.
    """
    if not isinstance(raw, dict):
        raise InvalidOptions([{"pointer": "", "detail": "Send a JSON object."}])
    try:
        return Submission.model_validate(raw)
    except ValidationError as error:
        raise InvalidOptions(field_errors(error, raw)) from error


def submitted_response(request: HttpRequest, caller: Caller, raw: Any) -> JsonResponse:
    """Submit a job, and return the response.

    Args:
        request: its headers are looked at.
        caller: the owner.
        raw: what is submitted, as JSON; a repeated request is known by it.

    Raises:
        JobsError: it does not fit, or cannot be taken now.
    """
    asked = checked_submission(raw)
    key = idempotency_key(request)
    submitted = submit_job(
        asked.task,
        asked.args,
        options=SubmitOptions(
            idempotency_key=key,
            request_digest=canonical_digest(raw) if key is not None else "",
            traceparent=parse_traceparent(request.META.get("HTTP_TRACEPARENT")),
            email=None if asked.notify is None else _email_option(request),
            **asked.model_dump(exclude={"task", "args", "notify"}),
        ),
        owner=caller.user,
        enforce_limits=True,
    )
    return _response(request, caller, submitted)


def _email_option(request: HttpRequest) -> EmailOption:
    language = get_language_from_request(request)
    return EmailOption(language, request.build_absolute_uri(root()))


def _response(request: HttpRequest, caller: Caller, submitted: SubmitResult) -> JsonResponse:
    job, headers = submitted.job, rate_limit_headers(submitted.limits)
    if submitted.is_replay:
        headers |= REPLAYED
    seconds = wait_preference(request.META.get("HTTP_PREFER", ""))
    if seconds is not None:
        job, could_wait = _wait(request, caller, submitted, seconds)
        if could_wait:
            headers = {**headers, "Preference-Applied": f"wait={seconds}"}
    body = job_json(job, artifacts_of(job))
    has_ended = seconds is not None and job.status in FINAL
    return JsonResponse(
        body,
        202 if submitted.created and not has_ended else 200,
        {"Location": body["links"]["self"], **retry_after(job.status), **headers},
    )


def _wait(
    request: HttpRequest, caller: Caller, submitted: SubmitResult, seconds: int
) -> tuple[Job, bool]:
    """Wait for the end of the job; return it as it is then, and whether the request could wait."""
    job = submitted.job
    if job.status in FINAL:
        return job, True

    def has_ended() -> bool:
        return job_version(caller, job.pk).is_finished

    came_to = (submitted.created, submitted.is_replay)
    could_wait = wait_for_job(request, job.pk, None, has_ended, seconds, note=came_to)
    return visible_job(caller, job.pk), could_wait
