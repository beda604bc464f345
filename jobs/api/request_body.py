"""Reading the body of a request: never more than its limit, and in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, cast

from django.http import HttpRequest

from jobs.errors import TooLarge

from .content_coding import gunzipped, is_gzip
from .problems import LENGTH_REQUIRED, MALFORMED, MEDIA_TYPE, ApiError
from .strict_json import parse

CHUNK: Final = 64 * 1024
KEEPS_PART: Final = "jobs.keeps_part"
"""Set in the environment of a request for a server that receives a body whole: when the client goes
away in the middle, the view is to have what has come, and then an error."""


def read_json(request: HttpRequest, limit: int, nested_at: str = "/args") -> Any:
    """Return the JSON of the body.

    Args:
        request: the request; nothing has read its body.
        limit: bytes that it may have.
        nested_at: a pointer to what alone can be nested in such a body.

    Raises:
        ApiError: 415 for another media type, 400 for a body that is no JSON, 422 for a value that
            cannot be stored.
        TooLarge: the body is over the limit; it is not read then.
    """
    if request.content_type != "application/json":
        raise ApiError(
            MEDIA_TYPE,
            "Send JSON, with the header Content-Type: application/json.",
            {"Accept-Post": "application/json"},
        )
    return parse(b"".join(open_body(request, "body", limit)), nested_at)


def open_body(
    request: HttpRequest,
    what: str,
    limit: int,
    *,
    keeps_part: bool = False,
    wrap: Callable[[BinaryIO], BinaryIO] = lambda source: source,
    takes_gzip: bool = True,
) -> Iterator[bytes]:
    """Return the body in chunks.

    Args:
        request: the request; nothing has read its body.
        what: what the body is called in errors.
        limit: bytes that it may have, compressed or not.
        keeps_part: a body that is cut off is of use as well.
        wrap: returns what to read instead of the server's own input.
        takes_gzip: one that is compressed is taken apart.

    Raises:
        TooLarge: at once when the declared length is over the limit, else while reading.
        ApiError: 400 when the body is shorter than declared, 411 when its end cannot be known, 415
            when it is compressed in another way.
    """
    is_compressed, length = checked_head(request, what, limit, takes_gzip=takes_gzip)
    if keeps_part:
        request.META[KEEPS_PART] = True  # under WSGI this is the server's own dictionary
    source = wrap(_source(request, length))
    # At once, so that nothing is begun for a body that is not there: our own server asks by the
    # head alone, and receives a body when somebody reads it.
    chunks = _chunks(_read(source), source, length, what, limit)
    return gunzipped(chunks, what, limit) if is_compressed else chunks


def checked_head(
    request: HttpRequest, what: str, limit: int, *, takes_gzip: bool = True
) -> tuple[bool, int | None]:
    """Return what the head says of the body: whether it is compressed, and its length if it does.

    Raises:
        TooLarge, ApiError: as ``open_body``, by the head alone.
    """
    is_compressed = is_gzip(request, takes_gzip=takes_gzip)
    length = declared_length(request)
    if length is not None and length > limit:
        raise TooLarge(what, limit)
    return is_compressed, length


def declared_length(request: HttpRequest) -> int | None:
    """Return the bytes of the body that the head declares; None if it declares none.

    Raises:
        ApiError: 400 for something that is no number.
    """
    text = request.META.get("CONTENT_LENGTH") or ""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ApiError(MALFORMED, "Content-Length is no number.")
    return int(text)


def _source(request: HttpRequest, length: int | None) -> BinaryIO:
    """What to read. Django reads nothing of a WSGI body without a declared length."""
    environ: dict[str, Any] = getattr(request, "environ", {})
    # gunicorn takes the chunks of `gzip, chunked` apart, and leaves them compressed.
    if environ.get("HTTP_TRANSFER_ENCODING", "").strip().lower() not in {"", "chunked"}:
        raise ApiError(MALFORMED, "The only Transfer-Encoding here is chunked.")
    if length is None and environ.get("wsgi.input_terminated"):
        return cast("BinaryIO", environ["wsgi.input"])
    if length is None and "wsgi.input" in environ and "HTTP_TRANSFER_ENCODING" in environ:
        raise ApiError(LENGTH_REQUIRED, "Say how long the body is: send Content-Length.")
    return cast("BinaryIO", request)


def _read(source: BinaryIO) -> bytes:
    try:
        return source.read(CHUNK)
    except Exception as error:
        # The errors of a server's parser are no OSErrors: gunicorn has its own for a broken chunk.
        raise ApiError(MALFORMED, "The body could not be read to its end.") from error


def _chunks(
    chunk: bytes,
    source: BinaryIO,
    length: int | None,
    what: str,
    limit: int,
) -> Iterator[bytes]:
    total = 0
    while chunk:
        total += len(chunk)
        if total > limit:
            raise TooLarge(what, limit)
        yield chunk
        chunk = _read(source)
    if length is not None and total < length:
        raise ApiError(MALFORMED, f"The body ended after {total:,} of {length:,} bytes.")
