"""``POST /jobs/{id}/cancel`` and ``POST /jobs/{id}/retry``."""

from __future__ import annotations

import uuid

from django.http import HttpRequest

from jobs import lifecycle
from jobs.api.auth import Caller
from jobs.api.etag import files_of, job_key, job_version, visible_job
from jobs.api.responses import JsonResponse
from jobs.api.serializers import job_json, retry_after
from jobs.lifecycle import CancelResult
from jobs.submission import retry_job


def post_cancel(request: HttpRequest, caller: Caller, job_id: str) -> JsonResponse:
    """Cancel a waiting job (200) or ask a running one to stop (202)."""
    key = job_version(caller, job_key(job_id)).id
    answer = lifecycle.cancel_job(key, by=caller.user.get_username())
    return _told(caller, key, 200 if answer is CancelResult.CANCELLED else 202)


def post_retry(request: HttpRequest, caller: Caller, job_id: str) -> JsonResponse:
    """Put a failed or cancelled job back into its queue."""
    job = visible_job(caller, job_key(job_id))
    retry_job(job, caller.user)
    return _told(caller, job.id, 202)


def _told(caller: Caller, key: uuid.UUID, status: int) -> JsonResponse:
    job = visible_job(caller, key)
    body = job_json(job, files_of(job))
    headers = {"Location": body["links"]["self"], "ETag": job.etag, **retry_after(job.status)}
    return JsonResponse(body, status, headers)
