"""``GET /jobs/{id}``: one job, for a poller that mostly hears that nothing has changed."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags

from jobs.api.auth import Caller
from jobs.api.etag import JobVersion, files_of, job_key, job_version, polled_version, visible_job
from jobs.api.long_poll import wait_preference, wait_slot, wait_until
from jobs.api.responses import JsonResponse
from jobs.api.serializers import job_json, retry_after


def get_job(request: HttpRequest, caller: Caller, job_id: str) -> HttpResponse:
    """Answer with the job, or 304 when the caller has it as it is.

    With ``Prefer: wait=N`` the answer comes when there is news: for a caller that names the
    version it has (``If-None-Match``) any change, else the end of the job.
    """
    key = job_key(job_id)
    known = request.META.get("HTTP_IF_NONE_MATCH", "")
    seconds = wait_preference(request.META.get("HTTP_PREFER", ""))
    headers: dict[str, str] = {}
    if known or seconds is not None:
        seen = polled_version(caller, key)
        if seconds is not None:
            seen, waited = _wait(caller, seen, known, seconds)
            headers = {"Preference-Applied": f"wait={seconds}"} if waited else {}
        if _matches(known, seen.etag):
            return _not_modified(seen, headers)
    job = visible_job(caller, key)
    # The row before its files: a version is never told with fewer files than it had.
    headers |= {"ETag": job.etag, **retry_after(job.status)}
    return JsonResponse(job_json(job, files_of(job)), 200, headers)


def _wait(caller: Caller, seen: JobVersion, known: str, seconds: int) -> tuple[JobVersion, bool]:
    """Wait for news; return the last look, and whether the wish to wait was granted."""
    names_a_version = bool(parse_etags(known))

    def is_news() -> bool:
        return seen.is_finished or (names_a_version and not _matches(known, seen.etag))

    def news() -> bool:
        nonlocal seen
        seen = job_version(caller, seen.id)
        return is_news()

    if is_news():
        return seen, True
    with wait_slot() as free:
        if free:
            wait_until(news, seconds)
    return seen, free


def _matches(known: str, etag: str) -> bool:
    """The weak comparison that ``If-None-Match`` wants (RFC 9110, section 13.1.2)."""
    # What a poller sends is just the tag it got.
    return known == etag or any(
        one == "*" or one.removeprefix("W/") == etag for one in parse_etags(known)
    )


def _not_modified(seen: JobVersion, headers: dict[str, str]) -> HttpResponse:
    response = HttpResponse(status=304, headers={**headers, **retry_after(seen.status)})
    response.headers["ETag"] = seen.etag
    del response.headers["Content-Type"]
    return response
