"""A job's output: ``GET /jobs/{id}/log`` and ``GET /jobs/{id}/artifacts/{name}``."""

from __future__ import annotations

import uuid
from typing import Final

from django.http import FileResponse, HttpRequest, HttpResponse

from jobs.api.auth import Caller
from jobs.api.etag import job_version, parse_job_id
from jobs.api.exception_handlers import invalid
from jobs.api.operations import COUNT, Operation, Response, query
from jobs.api.problems import INVALID, NOT_FOUND, ApiError
from jobs.core.jsonutils import clean
from jobs.core.storage import open_file
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
    [Response(200, "Bytes", "Content-Disposition")],
    curl="-OJ $DESK/api/v1/jobs/$ID/artifacts/result.json",
)
def get_artifact(request: HttpRequest, caller: Caller, job_id: str, name: str) -> FileResponse:
    """Download a file of a job."""
    key = job_version(caller, parse_job_id(job_id)).id
    artifact = Artifact.objects.filter(job_id=key, name=clean(name)).first()
    if artifact is None:
        raise ApiError(NOT_FOUND, "The job has no such file.")
    try:
        source = open_file(artifact.file)
    except FileNotFoundError as error:
        raise ApiError(NOT_FOUND, "The file is no longer kept.") from error
    return FileResponse(
        source,
        as_attachment=True,
        filename=artifact.name,
        content_type=artifact.content_type or "application/octet-stream",
        # If a browser displays it after all: no scripts, no frames, nothing of this site's.
        headers={"Content-Security-Policy": "sandbox; default-src 'none'"},
    )
