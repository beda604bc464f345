"""Bodies of requests that are compressed by ``gzip``: taken apart piece by piece, within limits."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from django.http import HttpRequest

from jobs.errors import TooLarge

from .problems import MALFORMED, MEDIA_TYPE, ApiError

PIECE: Final = 64 * 1024
"""Bytes that are made at a time, however many a compressed byte stands for."""
MOST_MEMBERS: Final = 10_000
"""A gzip file can be several, one behind the other; empty ones cost time and bring nothing."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_BROKEN: Final = "The body is no gzip, as its Content-Encoding says, or it is cut off."


def is_gzip(request: HttpRequest, *, takes_gzip: bool = True) -> bool:
    """Whether the body of a request is compressed.

    Args:
        request: says so in ``Content-Encoding``.
        takes_gzip: False where the bytes are stored as they come.

    Raises:
        ApiError: 415 with what is taken, for another coding (RFC 9110, 12.5.3 and 15.5.16).
    """
    coding = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if coding in {"", "identity"}:
        return False
    if not takes_gzip:
        raise ApiError(
            MEDIA_TYPE,
            "The bytes are kept as they come: send them without Content-Encoding.",
            {"Accept-Encoding": "identity"},
        )
    if coding not in {"gzip", "x-gzip"}:
        raise ApiError(
            MEDIA_TYPE, "The only Content-Encoding here is gzip.", {"Accept-Encoding": "gzip"}
        )
    return True


def gunzipped(chunks: Iterable[bytes], what: str, limit: int) -> Iterator[bytes]:
    """Yield what is compressed in the chunks, in pieces of ``PIECE`` bytes at most.

    Args:
        chunks: of one or more gzip files.
        what: what the body is called in errors.
        limit: bytes that it may have.

    Raises:
        TooLarge: it has more; no more than a piece of that was made.
        ApiError: 400, it is no gzip, or it is cut off.
    """
    inflater = _Inflater()
    total = 0
    for chunk in chunks:
        if not chunk:
            yield chunk  # nothing more has come by now (``streamed_body``)
        for piece in inflater.feed(chunk):
            total += len(piece)
            if total > limit:
                raise TooLarge(what, limit)
            yield piece
    if not inflater.is_at_end:
        raise ApiError(MALFORMED, _BROKEN)


class _Inflater:
    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._members = 1

    @property
    def is_at_end(self) -> bool:
        """Whether a file could end here."""
        return self._member.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what comes of some bytes."""
        while True:
            if self._member.eof:
                if not data:
                    return
                self._begin_another()
            try:
                piece = self._member.decompress(data, PIECE)
            except zlib.error as error:
                raise ApiError(MALFORMED, _BROKEN) from error
            if piece:
                yield piece
            if self._member.eof:
                data = self._member.unused_data
                continue
            data = self._member.unconsumed_tail
            if not data and len(piece) < PIECE:
                return

    def _begin_another(self) -> None:
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise ApiError(MALFORMED, f"The body is more than {MOST_MEMBERS:,} gzip files in one.")
        self._member = zlib.decompressobj(_GZIP)
