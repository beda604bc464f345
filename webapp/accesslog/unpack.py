"""Unpack gzip, and tell what of it could not be read."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from .errors import LogUnreadable

GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 64 * 1024


def gunzipped(file: BinaryIO, size: int, notes: list[str]) -> Iterator[bytes]:
    """Yield what all members of a gzip file unpack to, at most ``size`` bytes at a time.

    What follows the last member is left out, and a file that ends too early ends where it does:
    a sentence about it is added to ``notes``. Zeros are padding and no news.

    Raises:
        LogUnreadable: the data is damaged: what was read last is not to be trusted.
    """
    member, unpacked = zlib.decompressobj(wbits=31), 0
    packed = file.read(CHUNK)
    while packed or not member.eof:
        if not packed:
            notes.append(
                f"The gzip file ends too early: it was cut off. The {unpacked:,} bytes that it "
                "unpacks to are counted."
            )
            return
        try:
            data = member.decompress(packed, size)
        except zlib.error as error:
            raise LogUnreadable(
                f"The gzip file is damaged after {unpacked:,} unpacked bytes: {error}."
            ) from error
        unpacked += len(data)
        if data:
            yield data
        packed = member.unused_data if member.eof else member.unconsumed_tail
        packed = packed or file.read(CHUNK)
        if member.eof and packed:
            if not _is_member(packed := _after_padding(packed, file)):
                if packed:
                    notes.append("What follows the gzip data in the file is left out.")
                return
            member = zlib.decompressobj(wbits=31)


def _after_padding(packed: bytes, file: BinaryIO) -> bytes:
    """Return what follows the zeros, enough of it to tell what it is."""
    packed = packed.lstrip(b"\0")
    while len(packed) < len(GZIP_MAGIC) and (more := file.read(CHUNK)):
        packed = (packed + more).lstrip(b"\0")
    return packed


def _is_member(packed: bytes) -> bool:
    return packed.startswith(GZIP_MAGIC)
