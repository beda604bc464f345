"""``POST /jobs``: hand in a job."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from django.http import HttpRequest
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from jobs.api.auth import Caller
from jobs.api.etag import files_of
from jobs.api.problems import MALFORMED, ApiError
from jobs.api.request_body import read_json
from jobs.api.responses import JsonResponse
from jobs.api.serializers import job_json, retry_after
from jobs.catalog.signature import field_errors
from jobs.conf import get_conf
from jobs.core.jsonutils import canonical_digest
from jobs.errors import InvalidOptions
from jobs.submission import SubmitOptions, submit_job

_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")
_KEY: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


def _rfc3339(value: Any) -> Any:
    """Only the written form: pydantic alone would take a number as seconds since 1970."""
    if not isinstance(value, str) or not _DATE_TIME.match(value):
        raise ValueError("Give a date and time with its zone, such as 2026-05-01T12:00:00Z.")
    return value


def _object(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("Give the arguments as a JSON object.")
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("It is outside the years 1 to 9999.") from error


Moment = Annotated[
    AwareDatetime, Field(strict=False), BeforeValidator(_rfc3339), AfterValidator(_in_utc)
]


class Submission(BaseModel):
    """The body of the request. A member that is null is as good as absent."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    task: str
    args: Annotated[dict[str, Any], BeforeValidator(_object)] = Field(default_factory=dict)
    queue: str | None = None
    priority: int | None = None
    run_after: Moment | None = None
    max_attempts: int | None = None
    unique_key: Annotated[str, Field(min_length=1, max_length=200)] | None = None


def post_job(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Record a job and answer at once; a repeat gets the first job."""
    key = _idempotency_key(request)
    raw = read_json(request, get_conf().max_body)
    asked = _checked(raw)
    submitted = submit_job(
        asked.task,
        asked.args,
        options=SubmitOptions(
            idempotency_key=key,
            request_digest=canonical_digest(raw) if key is not None else "",
            **asked.model_dump(exclude={"task", "args"}),
        ),
        owner=caller.user,
        enforce_limits=True,
    )
    job = submitted.job
    body = job_json(job, files_of(job))
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
