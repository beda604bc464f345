"""Undo the Content-Encoding of a page, never holding much more than its limit."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable

import brotli

from jobs.core.safe_http.addresses import FetchRefused

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ACCEPTED = "gzip, deflate, br, zstd"
MAX_ENCODINGS = 5
# RFC 9659: a page may not ask for a window of more than 8 MiB.
_ZSTD_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's names for the three formats, as "wbits"
_IDENTITY = frozenset({"", "identity"})
# What some server may use and nobody here can undo. Any other word is a server's mistake
# ("Content-Encoding: utf-8"), which browsers overlook.
_UNSUPPORTED = frozenset({"compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"})


class _Damaged(Exception):
    """It is not in the format, or ends too early; the message says which."""


def max_packed(limit: int) -> int:
    """Return how long a packed page of at most ``limit`` bytes can be."""
    return limit + limit // 100 + 1024


def unpacked(body: bytes, content_encoding: str, limit: int) -> bytes:
    """Undo the encodings that a Content-Encoding header lists, the last of them first.

    Raises:
        FetchRefused: it is larger than ``limit`` bytes, damaged, or in an encoding that is not
            supported.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name not in _IDENTITY]
    if len(names) > MAX_ENCODINGS:
        raise FetchRefused(f"The page is packed more than {MAX_ENCODINGS} times.")
    for name in reversed(names):
        if name in _UNSUPPORTED:
            raise FetchRefused(f"The page is packed in a way that is not supported: {name}.")
        unpack = _UNPACKERS.get(name)
        if unpack is None or not body:
            continue
        try:
            body = unpack(body, limit + 1)
        except (zlib.error, brotli.error, zstd.ZstdError, _Damaged) as error:
            raise FetchRefused(
                f"The page says it is packed with {name}, but is not: {error}."
            ) from error
        if len(body) > limit:
            raise too_large(limit)
    return body


def too_large(limit: int) -> FetchRefused:
    """Return the error for a page of more than ``limit`` bytes."""
    return FetchRefused(f"The page is larger than {limit:,} bytes.")


def _gzip(body: bytes, most: int) -> bytes:
    """Unpack all members; whatever follows the last one is no part of the page."""
    found = bytearray()
    while len(found) < most and (body.startswith(b"\x1f\x8b") or not found):
        member, body = _inflated(body, _GZIP, most - len(found))
        found += member
    return bytes(found)


def _deflate(body: bytes, most: int) -> bytes:
    """Unpack zlib's format (RFC 9110) or what some servers send as well: without its frame."""
    try:
        return _inflated(body, _ZLIB, most)[0]
    except zlib.error:
        return _inflated(body, _RAW, most)[0]


def _inflated(body: bytes, wbits: int, most: int) -> tuple[bytes, bytes]:
    """Return at most ``most`` unpacked bytes, and what follows the packed ones."""
    unpacker = zlib.decompressobj(wbits=wbits)
    found = unpacker.decompress(body, most)
    if not unpacker.eof and len(found) < most:
        raise _Damaged("it ends too early")
    return found, unpacker.unused_data


def _brotli(body: bytes, most: int) -> bytes:
    unpacker = brotli.Decompressor()
    found = unpacker.process(body, output_buffer_limit=most)
    while len(found) < most and not unpacker.is_finished():
        more = unpacker.process(b"", output_buffer_limit=most - len(found))
        if not more:
            raise _Damaged("it ends too early")
        found += more
    return bytes(found)


def _zstd(body: bytes, most: int) -> bytes:
    found = bytearray()
    while body and len(found) < most:
        unpacker = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
        found += unpacker.decompress(body, most - len(found))
        if not unpacker.eof and len(found) < most:
            raise _Damaged("it ends too early")
        body = unpacker.unused_data
    return bytes(found)


_UNPACKERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
