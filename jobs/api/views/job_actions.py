"""``POST /jobs/{id}/cancel`` and ``POST /jobs/{id}/retry``."""

from __future__ import annotations

import uuid

from django.http import HttpRequest

from jobs.api.auth import Caller
from jobs.api.etag import artifacts_of, job_version, parse_job_id, visible_job
from jobs.api.idempotency import KEY_OF_CHANGE, idempotency_key
from jobs.api.operations import Operation, Response
from jobs.api.preconditions import IF_MATCH, expected_versions
from jobs.api.problems import (
    CONFLICT,
    FORBIDDEN,
    PRECONDITION_FAILED,
    QUEUE_FULL,
    QUOTA_EXCEEDED,
)
from jobs.api.responses import JsonResponse
from jobs.api.serializers import job_json, retry_after
from jobs.core.users import user_name
from jobs.core.write_waits import limited_write_waits
from jobs.lifecycle import CancelResult
from jobs.queries.action_messages import ActionOutcome, history_entry
from jobs.submission import cancel_job, record_change, require_change, retry_job


@Operation(
    "cancelJob",
    [Response(200, "Job", "Location ETag"), Response(202, "Job", "Location ETag Retry-After")],
    [IF_MATCH, KEY_OF_CHANGE],
    problems=[FORBIDDEN, CONFLICT, PRECONDITION_FAILED],
)
def post_cancel(request: HttpRequest, caller: Caller, job_id: str) -> JsonResponse:
    """Cancel a job.

    200: it was waiting, and is cancelled. 202: it is running; a request to stop is recorded.
    """
    idempotency_key(request)
    version = job_version(caller, parse_job_id(job_id))
    key = version.id
    require_change(caller.user, version.owner_id)
    versions = expected_versions(request, key)
    with limited_write_waits():
        result = cancel_job(key, by=user_name(caller.user), versions=versions)
    is_cancelled = result is CancelResult.CANCELLED
    outcome = ActionOutcome.CANCELLED if is_cancelled else ActionOutcome.STOP_REQUESTED
    record_change(caller.user, key, version.owner_id, "cancel", history_entry(outcome))
    return _changed_job(caller, key, 200 if is_cancelled else 202)


@Operation(
    "retryJob",
    [Response(202, "Job", "Location ETag Retry-After")],
    [IF_MATCH, KEY_OF_CHANGE],
    problems=[FORBIDDEN, CONFLICT, PRECONDITION_FAILED, QUEUE_FULL, QUOTA_EXCEEDED],
)
def post_retry(request: HttpRequest, caller: Caller, job_id: str) -> JsonResponse:
    """Run a failed or cancelled job again.

    With ``If-Match`` a request can be repeated safely: it does not run a job again that has failed
    again since.
    """
    idempotency_key(request)
    job = visible_job(caller, parse_job_id(job_id))
    require_change(caller.user, job.owner_id)
    with limited_write_waits():
        retry_job(job, caller.user, expected_versions(request, job.id))
    requeued = history_entry(ActionOutcome.REQUEUED)
    record_change(caller.user, job.id, job.owner_id, "retry", requeued)
    return _changed_job(caller, job.id, 202)


def _changed_job(caller: Caller, key: uuid.UUID, status: int) -> JsonResponse:
    job = visible_job(caller, key)
    body = job_json(job, artifacts_of(job))
    headers = {"Location": body["links"]["self"], "ETag": job.etag, **retry_after(job.status)}
    return JsonResponse(body, status, headers)
