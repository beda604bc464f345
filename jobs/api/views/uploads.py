"""``POST /uploads?name=``: a file that a job's argument will refer to."""

from __future__ import annotations

from django.http import HttpRequest

from jobs.api import schemas
from jobs.api.auth import Caller
from jobs.api.operations import Operation, Response, query
from jobs.api.problems import MEDIA_TYPE, QUOTA_EXCEEDED, ApiError
from jobs.api.request_body import declared_length, open_body
from jobs.api.responses import JsonResponse
from jobs.conf import get_conf
from jobs.core.credentials import SUBMIT
from jobs.submission import room_for_bytes, store_upload


@Operation(
    "upload",
    [Response(201, "Upload")],
    [query("name", "The file's name, for display.")],
    [QUOTA_EXCEEDED],
    body="application/octet-stream",
    scope=SUBMIT,
    curl='--data-binary @access.log "$URL?name=access.log"',
)
def post_upload(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Send a file for an argument.

    The raw bytes. An argument refers to them as ``{"upload": "<id>"}``. A file that no job uses
    within a day is deleted.
    """
    if request.content_type == "multipart/form-data":
        raise ApiError(
            MEDIA_TYPE,
            "Send the bytes of the file themselves, not a form: curl --data-binary @FILE.",
            {"Accept-Post": "application/octet-stream, */*"},
        )
    # Before the body is received.
    limit, length = get_conf().max_upload, declared_length(request) or 0
    room_for_bytes(caller.user, length if length <= limit else 0)
    chunks = open_body(request, "upload", limit, takes_gzip=False)
    upload = store_upload(caller.user, request.GET.get("name", ""), chunks)
    body: schemas.Upload = {"id": str(upload.id), "name": upload.name, "size": upload.size}
    return JsonResponse(body, 201)
