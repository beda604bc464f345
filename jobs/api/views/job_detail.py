"""``GET /jobs/{id}``: one job, mostly polled while it has not changed."""

from __future__ import annotations

import json
import uuid

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import parse_etags

from jobs.api.auth import Caller
from jobs.api.etag import (
    JobVersion,
    artifacts_of,
    job_version,
    parse_job_id,
    polled_version,
    visible_job,
)
from jobs.api.event_stream import EVENT_STREAM, Events, last_event_id, stream, wants_stream
from jobs.api.long_poll import PREFER, wait_for_job, wait_preference
from jobs.api.operations import Operation, Response, header
from jobs.api.preconditions import not_modified
from jobs.api.problems import NOT_ACCEPTABLE
from jobs.api.responses import JsonResponse
from jobs.api.serializers import job_json, retry_after, root
from jobs.api.waits import JobWait
from jobs.core.entity_tags import matches


@Operation(
    "getJob",
    [
        Response(200, "Job", "ETag Retry-After Preference-Applied", or_stream=EVENT_STREAM),
        Response(204),
        Response(304, "", "ETag Retry-After Preference-Applied"),
    ],
    [
        header("If-None-Match", "The `ETag` you have."),
        PREFER,
    ],
    problems=[NOT_ACCEPTABLE],
    curl='-H "Prefer: wait=20" $URL',
)
def get_job(request: HttpRequest, caller: Caller, job_id: str) -> HttpResponseBase:
    """Get a job.

    Poll with ``If-None-Match``: 304 costs next to nothing. ``Prefer: wait=N`` waits for the end of
    the job or, with ``If-None-Match``, for any change.

    With ``Accept: text/event-stream`` each version of the job is an event ``job``, and the stream
    ends with the job. 204: ``Last-Event-ID`` is the last version of a job that has ended.
    """
    key = parse_job_id(job_id)
    if wants_stream(request):
        return _stream(request, caller, key)
    known = request.META.get("HTTP_IF_NONE_MATCH", "")
    seconds = wait_preference(request.META.get("HTTP_PREFER", ""))
    headers: dict[str, str] = {}
    if known or seconds is not None:
        version = polled_version(caller, key)
        if seconds is not None:
            version, waited = _wait(request, caller, version, known, seconds)
            headers = {"Preference-Applied": f"wait={seconds}"} if waited else {}
        if matches(known, version.etag):
            return _not_modified(version, headers)
    job = visible_job(caller, key)
    # The row is read before its files: no version is returned with fewer files than it had.
    headers |= {"ETag": job.etag, **retry_after(job.status)}
    return JsonResponse(job_json(job, artifacts_of(job)), 200, headers)


def _stream(request: HttpRequest, caller: Caller, key: uuid.UUID) -> HttpResponseBase:
    known = last_event_id(request)
    version = job_version(caller, key)
    if version.is_finished and known == str(version.version):
        return HttpResponse(status=204)  # tells an EventSource not to connect again
    mount = root()

    def read() -> Events:
        nonlocal known
        if str(job_version(caller, key).version) == known:
            return Events()
        job = visible_job(caller, key)
        known = str(job.version)
        data = json.dumps(job_json(job, artifacts_of(job), mount))
        return Events([(known, data)], is_last=job.is_finished)

    def new_wait(until: float) -> JobWait:
        # A client may have sent anything as the id of its last event.
        return JobWait(key, int(known) if known.isascii() and known.isdigit() else None, until)

    return stream(request, "job", read, new_wait)


def _wait(
    request: HttpRequest, caller: Caller, version: JobVersion, known: str, seconds: int
) -> tuple[JobVersion, bool]:
    """Wait for news; return the last version read, and whether the request could wait."""
    names_a_version = bool(parse_etags(known))

    def is_news() -> bool:
        return version.is_finished or (names_a_version and not matches(known, version.etag))

    def read_again() -> bool:
        nonlocal version
        version = job_version(caller, version.id)
        return is_news()

    if is_news():
        return version, True
    of_client = version.version if names_a_version else None
    could_wait = wait_for_job(request, version.id, of_client, read_again, seconds)
    return version, could_wait


def _not_modified(version: JobVersion, headers: dict[str, str]) -> HttpResponse:
    response = not_modified(version.etag)
    for name, value in {**headers, **retry_after(version.status)}.items():
        response.headers[name] = value
    return response
