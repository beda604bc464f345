"""The headers of tus 1.0.0, the protocol of resumable uploads (https://tus.io/protocols).

tus, and not the draft of the IETF ("Resumable Uploads for HTTP"): the kept clients (tus-js-client,
Uppy, tuspy, TUSKit, tus-android) speak this version, and the draft still changes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from functools import wraps
from typing import Final

from django.http import HttpRequest, HttpResponseBase
from django.utils.http import http_date

from jobs.models import ResumableUpload

from .problems import MALFORMED, TUS_VERSION, ApiError

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,termination,expiration"
PIECE_TYPE: Final = "application/offset+octet-stream"
MOST_METADATA: Final = 4096
"""Characters: a name and some more about a file."""
_KEY: Final = re.compile(r"[!-+\--~]+")

View = Callable[..., HttpResponseBase]


def speaks_tus(view: View) -> View:
    """Have each response of a view, also a problem, say the version of the protocol."""

    @wraps(view)  # with the attributes that ``endpoint`` has set
    def wrapped(request: HttpRequest, **path: str) -> HttpResponseBase:
        response = view(request, **path)
        response.headers["Tus-Resumable"] = VERSION
        return response

    return wrapped


def require_version(request: HttpRequest) -> None:
    """Refuse a request in another version of the protocol; one that names none is taken.

    Raises:
        ApiError: 412, with the version that is spoken here.
    """
    version = request.headers.get("Tus-Resumable", VERSION)
    if version != VERSION:
        detail = f"The only version of tus that is spoken here is {VERSION}."
        raise ApiError(TUS_VERSION, detail, {"Tus-Version": VERSION})


def count_in(request: HttpRequest, name: str) -> int:
    """Return the number of bytes in a header.

    Raises:
        ApiError: 400 when it is missing or no such number.
    """
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ApiError(MALFORMED, f"Send the header {name}, a number of bytes.")
    return int(text)


def read_metadata(text: str) -> dict[str, str]:
    """Return what ``Upload-Metadata`` holds: keys, and values in Base64.

    Raises:
        ApiError: 400 when it is not so, has a key twice, or is too long.
    """
    if len(text) > MOST_METADATA:
        raise ApiError(MALFORMED, f"Upload-Metadata has over {MOST_METADATA:,} characters.")
    found: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        key, _, value = pair.strip().partition(" ")
        if key in found or not _KEY.fullmatch(key):
            raise ApiError(MALFORMED, "Upload-Metadata has a key twice, or one that is none.")
        try:
            found[key] = base64.b64decode(value, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            raise ApiError(MALFORMED, f"Upload-Metadata: {key} is not in Base64.") from None
    return found


def state_headers(upload: ResumableUpload) -> dict[str, str]:
    """Return how far an upload is, and until when it can go on."""
    headers = {"Upload-Offset": str(upload.stored)}
    if not upload.is_complete:
        headers["Upload-Expires"] = http_date(upload.expires_at.timestamp())
    return headers


def metadata_of(upload: ResumableUpload) -> str:
    """Return ``Upload-Metadata``: as the client has sent it, else the name of the file."""
    name = base64.b64encode(upload.name.encode()).decode("ascii")
    return upload.metadata or f"filename {name}"
