"""``If-Match`` and ``If-None-Match`` (RFC 9110, sections 13.1.1 and 13.1.2)."""

from __future__ import annotations

import hashlib
import uuid
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags

from jobs.core.entity_tags import matches

from .operations import header

IF_MATCH: Final = header(
    "If-Match",
    "The `ETag` you have: nothing is done if the job has changed since (412). `*`: any version.",
)
"""The header, for the API's document."""


def expected_versions(request: HttpRequest, job_id: uuid.UUID) -> frozenset[int] | None:
    """Return the versions of a job that a request is meant for; None if any will do.

    A weak tag names none, by the strong comparison; nor does what is no tag of this job.
    """
    text = request.META.get("HTTP_IF_MATCH")
    if text is None or text.strip() == "*":
        return None
    prefix = f'"{job_id.hex}-'
    tags = (tag for tag in parse_etags(text) if tag.startswith(prefix) and tag.endswith('"'))
    numbers = (tag[len(prefix) : -1] for tag in tags)
    return frozenset(
        int(one) for one in numbers if one.isascii() and one.isdigit() and len(one) < 10
    )


def is_known(request: HttpRequest, etag: str) -> bool:
    """Whether the client has what has this tag already: ``If-None-Match``, compared weakly."""
    return matches(request.META.get("HTTP_IF_NONE_MATCH", ""), etag)


def tagged(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return a response with a strong tag of what it is made of, or 304 to who has it already."""
    digest = hashlib.sha256(response.content)
    digest.update(response.headers.get("Link", "").encode("utf-8", "replace"))
    etag = f'"{digest.hexdigest()[:32]}"'
    if is_known(request, etag):
        return not_modified(etag)
    response.headers["ETag"] = etag
    return response


def not_modified(etag: str) -> HttpResponse:
    """Return the response to a client that has it already."""
    response = HttpResponse(status=304, headers={"ETag": etag})
    del response.headers["Content-Type"]
    return response
