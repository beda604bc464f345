"""``POST /jobs/{id}/cancel`` and ``POST /jobs/{id}/retry``."""

from __future__ import annotations

import uuid

from django.http import HttpRequest

from jobs import lifecycle
from jobs.lifecycle import CancelAnswer
from jobs.submission import run_again

from .answers import JsonResponse
from .auth import Caller
from .lookup import files_of, glance, job_key, visible_job
from .representation import job_json, retry_after


def cancel_job(request: HttpRequest, caller: Caller, job_id: str) -> JsonResponse:
    """Cancel a waiting job (200) or ask a running one to stop (202)."""
    key = glance(caller, job_key(job_id)).id
    answer = lifecycle.cancel(key, by=caller.user.get_username())
    return _told(caller, key, 200 if answer is CancelAnswer.CANCELLED else 202)


def retry_job(request: HttpRequest, caller: Caller, job_id: str) -> JsonResponse:
    """Put a failed or cancelled job back into its queue."""
    job = visible_job(caller, job_key(job_id))
    run_again(job, caller.user)
    return _told(caller, job.id, 202)


def _told(caller: Caller, key: uuid.UUID, status: int) -> JsonResponse:
    job = visible_job(caller, key)
    body = job_json(job, files_of(job))
    headers = {"Location": body["links"]["self"], "ETag": job.etag, **retry_after(job.status)}
    return JsonResponse(body, status, headers)
