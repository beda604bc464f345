"""What is wrong with a request that the parser does not take: the status that HTTP has for it."""

from __future__ import annotations

import re
from typing import Final

from .refusals import Refused

VERSIONS: Final = frozenset({"1.0", "1.1"})
MAX_LINE: Final = 16 * 1024
"""Bytes of the first line. RFC 9112, section 3, recommends 8,000 at least."""
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VERSION: Final = re.compile(rb"HTTP/(\d\.\d)")


def require_short_line(data: bytes) -> None:
    """Refuse a first line that is too long, complete or not.

    Raises:
        Refused: 414, or 501 where the method alone is longer (RFC 9112, section 3).
    """
    if len(data) <= MAX_LINE or data.find(b"\r\n", 0, MAX_LINE + 2) >= 0:
        return
    if b" " not in data[:MAX_LINE]:
        raise Refused(501, "There is no method with so long a name.")
    raise Refused(414, f"The address of a request may have about {MAX_LINE:,} bytes.")


def refusal(head: bytes, error: str) -> Refused:
    """Return the refusal of a head that the parser has not taken.

    Args:
        head: as it came.
        error: what the parser says of it.
    """
    line = head.partition(b"\r\n")[0]
    method, _, rest = line.partition(b" ")
    version = _VERSION.fullmatch(rest.rpartition(b" ")[2])
    if version is not None and version[1].decode() not in VERSIONS:
        return unknown_version(version[1].decode())
    if version is not None and "method" in error and _TOKEN.fullmatch(method):
        return Refused(501, "This method is not known here. Names of methods are in capitals.")
    if "Content-Length overflow" in error:
        return Refused(413, "A body of this length is too large.")
    return Refused(400, f"This is no HTTP request: {error}.")


def unknown_version(version: str) -> Refused:
    """Return the refusal of another version of HTTP."""
    return Refused(505, f"HTTP {version} is not spoken here: HTTP/1.1 and HTTP/1.0 are.")
