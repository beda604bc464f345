"""``POST /uploads?name=``: a file that a job's argument will refer to."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest

from jobs.api.auth import Caller
from jobs.api.idempotency import KEY_OF_UPLOAD, REPLAYED, idempotency_key
from jobs.api.operations import Operation, Response, query
from jobs.api.problems import (
    IDEMPOTENCY_CONFLICT,
    MEDIA_TYPE,
    QUOTA_EXCEEDED,
    ApiError,
)
from jobs.api.request_body import declared_length, open_body
from jobs.api.responses import JsonResponse
from jobs.api.serializers import upload_json
from jobs.conf import get_conf
from jobs.core.credentials import SUBMIT
from jobs.errors import Unavailable
from jobs.models import UploadKey
from jobs.queries.uploads import UploadState, upload_of
from jobs.submission import (
    find_upload_key,
    fingerprint_of,
    require_same,
    room_for_bytes,
    store_new_upload,
)


@Operation(
    "upload",
    [Response(201, "Upload"), Response(200, "Upload", "Idempotency-Replayed")],
    [query("name", "The file's name, for display."), KEY_OF_UPLOAD],
    [IDEMPOTENCY_CONFLICT, QUOTA_EXCEEDED],
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
    key = idempotency_key(request)
    known = find_upload_key(caller.user, key)
    if known is not None:  # a repeat needs no room
        return _replay(caller, known, open_body(request, "upload", limit, takes_gzip=False))
    room_for_bytes(caller.user, length if length <= limit else 0)
    chunks = open_body(request, "upload", limit, takes_gzip=False)
    name = request.GET.get("name", "")
    upload, is_replay = store_new_upload(caller.user, name, chunks, key)
    if is_replay:
        return JsonResponse(upload_json(UploadState.of(upload)), 200, REPLAYED)
    return JsonResponse(upload_json(UploadState.of(upload)), 201)


def _replay(caller: Caller, known: UploadKey, chunks: Iterator[bytes]) -> JsonResponse:
    """Receive a file again, without storing it, and return the first upload."""
    state = upload_of(caller.user.pk, require_same(known, fingerprint_of(chunks)))
    if state is None:
        raise Unavailable("The upload of this key has just been deleted.", 1)
    return JsonResponse(upload_json(state), 200, REPLAYED)
