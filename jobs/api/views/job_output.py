"""A job's output: ``GET /jobs/{id}/log`` and ``GET /jobs/{id}/artifacts/{name}``."""

from __future__ import annotations

import uuid
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from jobs.api.auth import Caller
from jobs.api.etag import job_version, parse_job_id
from jobs.api.exception_handlers import invalid
from jobs.api.operations import COUNT, Operation, Response, header, query
from jobs.api.problems import (
    INVALID,
    NOT_FOUND,
    PRECONDITION_FAILED,
    RANGE_NOT_SATISFIABLE,
    ApiError,
)
from jobs.core.download import BYTES, download
from jobs.core.jsonutils import clean
from jobs.models import Artifact
from jobs.queries import logs

LOG_PIECE: Final = 64 * 1024
"""Characters of log in one response, at most."""


@Operation(
    "getLog",
    [Response(200, "Text", "X-Next-Offset")],
    [query("offset", "Characters to skip.", {**COUNT, "default": 0})],
    problems=[INVALID],
    curl='"$URL?offset=0"',
)
def get_log(request: HttpRequest, caller: Caller, job_id: str) -> HttpResponse:
    """Read a job's log.

    At most 65,536 characters a request; continue at ``X-Next-Offset``. Offsets count all that the
    job has logged, and never fall. When a log is over its limit, its middle is dropped: a response
    across the gap has a line that says how many characters are left out, and goes on behind it.
    """
    key = job_version(caller, parse_job_id(job_id)).id
    offset = _offset(request)
    text, following = read_log(key, offset)
    headers = {"X-Next-Offset": str(following)}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


def _offset(request: HttpRequest) -> int:
    text = request.GET.get("offset", "") or "0"
    if not (text.isascii() and text.isdigit()):
        raise invalid("/offset", "Give a whole number of characters, from 0.")
    return min(int(text[:12]), 2**31 - 1)


def read_log(job_id: uuid.UUID, offset: int) -> tuple[str, int]:
    """Return a piece of a job's log and the offset after it, both in characters.

    For an offset beyond the end: no text, and the end, from which to continue.
    """
    piece = logs.read(job_id, offset, LOG_PIECE)
    return piece.text, piece.end


@Operation(
    "getArtifact",
    [
        Response(200, "Bytes", "Content-Disposition ETag Accept-Ranges"),
        Response(206, "Bytes", "Content-Disposition ETag Accept-Ranges Content-Range"),
        Response(304, headers="ETag Accept-Ranges"),
    ],
    [
        header("Range", "`bytes=N-M`: a part. Several parts are answered by the whole file."),
        header("If-Range", "The `ETag` of what is there already: all of another file is sent."),
        header("If-None-Match", "The `ETag` of a copy: 304 if it is the same."),
    ],
    problems=[PRECONDITION_FAILED, RANGE_NOT_SATISFIABLE],
    curl="-C - -o result.json $DESK/api/v1/jobs/$ID/artifacts/result.json",
)
def get_artifact(request: HttpRequest, caller: Caller, job_id: str, name: str) -> HttpResponseBase:
    """Download a file of a job, or a part of it.

    Its type is that of its name. A download that broke off goes on with ``Range``.
    """
    key = job_version(caller, parse_job_id(job_id)).id
    artifact = Artifact.objects.filter(job_id=key, name=clean(name)).first()
    if artifact is None:
        raise ApiError(NOT_FOUND, "The job has no such file.")
    try:
        return download(
            request,
            artifact.file,
            name=artifact.name,
            content_type=artifact.content_type or BYTES,
            # If a browser displays it after all: no scripts, no frames, nothing of this site's.
            headers={"Content-Security-Policy": "sandbox; default-src 'none'"},
        )
    except FileNotFoundError as error:
        raise ApiError(NOT_FOUND, "The file is no longer kept.") from error
