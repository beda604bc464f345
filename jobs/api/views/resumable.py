"""Uploads that go on where they were cut off, by the protocol tus."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse

from jobs.api.auth import Caller
from jobs.api.idempotency import KEY_OF_UPLOAD, REPLAYED, idempotency_key
from jobs.api.operations import COUNT, TEXT, Operation, Response, header
from jobs.api.problems import (
    CONFLICT,
    IDEMPOTENCY_CONFLICT,
    MALFORMED,
    MEDIA_TYPE,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    QUOTA_EXCEEDED,
    TOO_LARGE,
    TUS_VERSION,
    UPLOAD_BUSY,
    WRONG_OFFSET,
    ApiError,
)
from jobs.api.request_body import open_body
from jobs.api.responses import JsonResponse, api_url
from jobs.api.serializers import upload_json
from jobs.api.tus import (
    EXTENSIONS,
    PIECE_TYPE,
    VERSION,
    count_in,
    metadata_of,
    read_metadata,
    require_version,
    state_headers,
)
from jobs.conf import get_conf
from jobs.core.credentials import SUBMIT
from jobs.errors import WrongOffset
from jobs.models import ResumableUpload
from jobs.queries.uploads import UploadState
from jobs.submission import resumable

_VERSION = header("Tus-Resumable", f"The version of tus: {VERSION}.", {**TEXT, "enum": [VERSION]})
_OFFSET = header("Upload-Offset", "Where the piece begins, in bytes.", COUNT, required=True)

_ANNOUNCED = "Location Tus-Resumable Upload-Offset Upload-Expires"


@Operation(
    "getUploadAbilities",
    [Response(204, "", "Tus-Resumable Tus-Version Tus-Extension Tus-Max-Size")],
    tag="uploads",
    scope=SUBMIT,
)
def get_abilities(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Ask what resumable uploads can do here.

    The version of tus, its extensions, and the most bytes of an upload.
    """
    return _no_content(
        {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(get_conf().max_upload),
        }
    )


@Operation(
    "createUpload",
    [
        Response(201, "Upload", _ANNOUNCED),
        Response(200, "Upload", f"{_ANNOUNCED} Idempotency-Replayed"),
    ],
    [
        _VERSION,
        KEY_OF_UPLOAD,
        header("Upload-Length", "The bytes of the file.", COUNT, required=True),
        header("Upload-Metadata", "`filename` and more, in Base64: `filename YS5sb2c=`."),
    ],
    [MALFORMED, IDEMPOTENCY_CONFLICT, QUOTA_EXCEEDED, TOO_LARGE, TUS_VERSION, UPLOAD_BUSY],
    tag="uploads",
    scope=SUBMIT,
    curl='-H "Tus-Resumable: 1.0.0" -H "Upload-Length: 1048576" $URL',
)
def post_resumable_upload(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Begin an upload that can be resumed.

    For clients of tus 1.0.0, whose endpoint this is. The bytes come by ``PATCH`` to ``Location``.
    When all of them are there, an argument refers to them as ``{"upload": "<id>"}``, as to any
    upload. One to which nothing is added for a day is deleted.
    """
    require_version(request)
    if "Upload-Defer-Length" in request.headers:
        raise ApiError(MALFORMED, "The length has to be known: send the header Upload-Length.")
    length = count_in(request, "Upload-Length")
    text = request.headers.get("Upload-Metadata", "")
    metadata = read_metadata(text)
    name = metadata.get("filename") or metadata.get("name", "")
    key = idempotency_key(request)
    upload, is_replay = resumable.announce(caller.user, name, length, text, key)
    resumable.finish(upload)  # an empty one is complete: nothing more is sent
    headers = {"Location": api_url("upload", upload_id=upload.pk), **state_headers(upload)}
    body = upload_json(UploadState.of_begun(upload))
    return JsonResponse(body, 200 if is_replay else 201, headers | (REPLAYED if is_replay else {}))


@Operation(
    "getUploadOffset",
    [Response(200, "", "Tus-Resumable Upload-Offset Upload-Length Upload-Metadata Upload-Expires")],
    [_VERSION],
    [TUS_VERSION, UPLOAD_BUSY],
    tag="uploads",
    scope=SUBMIT,
)
def head_upload(request: HttpRequest, caller: Caller, upload_id: str) -> HttpResponse:
    """Ask how much of an upload is stored.

    ``Upload-Offset`` is where it goes on. When that is ``Upload-Length``, it is complete.
    """
    require_version(request)
    upload = _own_upload(caller, upload_id)
    resumable.finish(upload)
    response = HttpResponse(headers=state_headers(upload))
    response.headers["Upload-Length"] = str(upload.length)
    response.headers["Upload-Metadata"] = metadata_of(upload)
    response.headers["Cache-Control"] = "no-store"
    return response


@Operation(
    "appendToUpload",
    [Response(204, "", "Tus-Resumable Upload-Offset Upload-Expires")],
    [_VERSION, _OFFSET],
    [CONFLICT, WRONG_OFFSET, TUS_VERSION, UPLOAD_BUSY],
    body=PIECE_TYPE,
    tag="uploads",
    scope=SUBMIT,
    curl=f'-H "Tus-Resumable: {VERSION}" -H "Upload-Offset: 0" -H "Content-Type: {PIECE_TYPE}" '
    "--data-binary @piece $URL",
)
def patch_upload(request: HttpRequest, caller: Caller, upload_id: str) -> HttpResponse:
    """Send a piece of an upload.

    Any part of what is missing, from ``Upload-Offset`` on, which has to be how much is stored. A
    request that is cut off may have stored nothing or a part: ask by ``HEAD``, and go on there.
    """
    require_version(request)
    if request.content_type != PIECE_TYPE:
        raise ApiError(
            MEDIA_TYPE,
            f"Send the header Content-Type: {PIECE_TYPE}.",
            {"Accept-Patch": PIECE_TYPE},
        )
    offset = count_in(request, "Upload-Offset")
    upload = _own_upload(caller, upload_id)
    if offset != upload.stored:
        raise WrongOffset(offset, upload.stored)
    left = upload.length - upload.stored
    chunks = open_body(request, "rest of this upload", left, keeps_part=True, takes_gzip=False)
    if not upload.is_complete:
        resumable.append(upload, chunks)
        resumable.finish(upload)
    return _no_content(state_headers(upload))


@Operation(
    "deleteUpload",
    [Response(204, "", "Tus-Resumable")],
    [_VERSION],
    [CONFLICT, TUS_VERSION],
    tag="uploads",
    scope=SUBMIT,
)
def delete_upload(request: HttpRequest, caller: Caller, upload_id: str) -> HttpResponse:
    """Delete an upload.

    Complete or not, with all that is stored of it; not one that a job uses.
    """
    require_version(request)
    resumable.delete_upload(_own_upload(caller, upload_id))
    return _no_content({})


@Operation(
    "overrideUploadMethod",
    [Response(204, "", "Tus-Resumable Upload-Offset Upload-Expires")],
    [
        _VERSION,
        header(
            "X-HTTP-Method-Override",
            "`PATCH` or `DELETE`.",
            {**TEXT, "enum": ["PATCH", "DELETE"]},
            required=True,
        ),
        {**_OFFSET, "required": False},
    ],
    [CONFLICT, WRONG_OFFSET, TUS_VERSION, UPLOAD_BUSY],
    body=PIECE_TYPE,
    tag="uploads",
    scope=SUBMIT,
    curl='-H "Tus-Resumable: 1.0.0" -H "X-HTTP-Method-Override: DELETE" '
    f'-H "Content-Type: {PIECE_TYPE}" -d "" $URL',
)
def post_upload_override(request: HttpRequest, caller: Caller, upload_id: str) -> HttpResponse:
    """Send a piece of an upload, or delete it, where only POST gets through.

    The method is in ``X-HTTP-Method-Override``.
    """
    method = request.headers.get("X-HTTP-Method-Override", "").upper()
    handler = {"PATCH": patch_upload, "DELETE": delete_upload}.get(method)
    if handler is None:
        raise ApiError(
            METHOD_NOT_ALLOWED,
            "Send PATCH, or POST with the header X-HTTP-Method-Override: PATCH.",
            {"Allow": "DELETE, GET, HEAD, OPTIONS, PATCH, POST"},
        )
    return handler(request, caller, upload_id)


def _own_upload(caller: Caller, text: str) -> ResumableUpload:
    try:
        upload = resumable.find(caller.user, uuid.UUID(text))
    except ValueError:
        upload = None
    if upload is None:
        raise ApiError(NOT_FOUND, "There is no such upload.")
    return upload


def _no_content(headers: dict[str, str]) -> HttpResponse:
    response = HttpResponse(status=204, headers=headers)
    del response.headers["Content-Type"]
    return response
