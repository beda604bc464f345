"""``GET /uploads`` and ``GET /uploads/{id}``: what one has sent."""

from __future__ import annotations

import uuid
from typing import Final

from django.http import HttpRequest, HttpResponse

from jobs.api import schemas
from jobs.api.auth import Caller
from jobs.api.exception_handlers import invalid
from jobs.api.operations import Operation, Response, header, query
from jobs.api.page_size import page_size
from jobs.api.preconditions import tagged
from jobs.api.problems import NOT_FOUND, ApiError
from jobs.api.responses import JsonResponse
from jobs.api.serializers import upload_json
from jobs.queries.uploads import upload_of, uploads_of

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200


@Operation(
    "listUploads",
    [Response(200, "UploadList", "Link ETag"), Response(304, "", "ETag")],
    [
        query(
            "limit",
            f"Uploads on a page; more than {MAX_LIMIT} is taken as {MAX_LIMIT}.",
            {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT},
        ),
        query("cursor", "Where the page begins; `Link` gives it."),
        header("If-None-Match", "The `ETag` you have."),
    ],
    tag="uploads",
    is_of_all_jobs=True,
    curl='"$URL?limit=20"',
)
def list_uploads(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List one's uploads, newest first.

    Complete ones, and those that come in pieces: of these ``stored`` is less than ``size``.
    ``in_use``: a job uses it, and it is kept with the last such job. Others are deleted after
    ``expires_at``.
    """
    limit = page_size(request, DEFAULT_LIMIT, MAX_LIMIT)
    found = uploads_of(caller.user.pk, limit + 1, _cursor(request))
    page = found[:limit]
    more = len(found) > limit
    body: schemas.UploadList = {"items": [upload_json(state) for state in page], "more": more}
    headers = {}
    if more:
        following = request.GET.copy()
        following["cursor"] = str(page[-1].id)
        headers["Link"] = f'<{request.path}?{following.urlencode()}>; rel="next"'
    return tagged(request, JsonResponse(body, 200, headers))


@Operation("getUpload", [Response(200, "Upload", "Tus-Resumable")], tag="uploads")
def get_upload(request: HttpRequest, caller: Caller, upload_id: str) -> HttpResponse:
    """Get what is known of an upload."""
    try:
        state = upload_of(caller.user.pk, uuid.UUID(upload_id))
    except ValueError:
        state = None
    if state is None:
        raise ApiError(NOT_FOUND, "There is no such upload.")
    return JsonResponse(upload_json(state))


def _cursor(request: HttpRequest) -> uuid.UUID | None:
    text = request.GET.get("cursor", "")
    try:
        return uuid.UUID(text) if text else None
    except ValueError as error:
        raise invalid(
            "/cursor", "This is no cursor; follow the Link of the page before."
        ) from error
