"""``POST /uploads?name=``: a file that a job's argument will refer to."""

from __future__ import annotations

import errno
from typing import Final

from django.http import HttpRequest

from jobs.api import schemas
from jobs.api.auth import Caller
from jobs.api.problems import MEDIA_TYPE, ApiError
from jobs.api.request_body import open_body
from jobs.api.responses import JsonResponse
from jobs.conf import get_conf
from jobs.errors import Unavailable
from jobs.submission import store_upload

_DISK_FULL: Final = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_RETRY_SECONDS: Final = 60


def post_upload(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Store the body while it arrives, chunk by chunk."""
    if request.content_type == "multipart/form-data":
        raise ApiError(
            MEDIA_TYPE,
            "Send the bytes of the file themselves, not a form: curl --data-binary @FILE.",
            {"Accept-Post": "application/octet-stream, */*"},
        )
    chunks = open_body(request, "upload", get_conf().max_upload)
    try:
        upload = store_upload(caller.user, request.GET.get("name", ""), chunks)
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise Unavailable("The disk is full.", _RETRY_SECONDS) from error
        raise
    body: schemas.Upload = {"id": str(upload.id), "name": upload.name, "size": upload.size}
    return JsonResponse(body, 201)
