"""The response that sends a stored file, or a part of it, or says that it has not changed."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator, Mapping
from typing import IO, Any, Final

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header

from .byte_ranges import is_unchanged, requested_range
from .stored_file import Part, StoredFile

BLOCK: Final = 256 * 1024
"""Bytes that are read at a time where the server does not say how many it wants."""
BYTES: Final = "application/octet-stream"
_COMPRESSED: Final = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "br": "application/x-brotli",
    "compress": "application/x-compress",
}
# Python's own table alone: what a system adds (on Windows, the programs that are installed) would
# make the type of a file depend on the machine.
_types: Final = mimetypes.MimeTypes()


def type_of(name: str) -> str:
    """Return the media type of a file by its name: that of its bytes, so of ``a.csv.gz`` gzip's."""
    found, coding = _types.guess_type(f"./{name}")  # a colon would begin a URL
    if coding is not None:
        return _COMPRESSED.get(coding, BYTES)
    return found or BYTES


def download(
    request: HttpRequest,
    stored: str,
    *,
    name: str,
    content_type: str,
    headers: Mapping[str, str],
    as_attachment: bool = True,
) -> HttpResponseBase:
    """Return the response to a request for a file: 200, 206 or 304.

    Args:
        request: may ask for a range, and name what the client has.
        stored: the name in the storage.
        name: the name for the user.
        content_type: the media type.
        headers: more headers.
        as_attachment: the browser is to save it, rather than to show it.

    Raises:
        FileNotFoundError: it is no longer stored.
        Unavailable: the storage cannot be used now.
        PreconditionFailed: it is another file than ``If-Match`` names.
        RangeNotSatisfiable: nothing of it is in the range.
    """
    file = StoredFile(stored)
    try:
        headers = {**headers, "ETag": file.etag, "Accept-Ranges": "bytes"}
        headers["X-Content-Type-Options"] = "nosniff"
        if is_unchanged(request, file.etag):
            file.close()
            return HttpResponse(status=304, headers=headers)
        if request.method == "HEAD":
            file.close()  # nothing of it is read: of a service that would be a transfer, to no end
            headers["Content-Length"] = str(file.size)
            headers["Content-Disposition"] = content_disposition_header(as_attachment, name) or ""
            return HttpResponse(headers=headers, content_type=content_type)
        wanted = requested_range(request, file.size, file.etag)
        first, end = wanted or (0, file.size)
        part = file.part(first, end)
    except BaseException:
        file.close()
        raise
    response = FileResponse(
        part,
        as_attachment=as_attachment,
        filename=name,
        content_type=content_type,
        headers=headers,
    )
    response.block_size = BLOCK
    response.headers["Content-Length"] = str(end - first)
    if wanted is not None:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {first}-{end - 1}/{file.size}"
    if isinstance(request, ASGIRequest):
        # Django would read all of the file into memory before it sends a byte.
        pieces: Any = _blocks(part)
        response.streaming_content = pieces
    return response


async def _blocks(part: Part | IO[bytes]) -> AsyncIterator[bytes]:
    read = sync_to_async(part.read)
    while data := await read(BLOCK):
        yield data
