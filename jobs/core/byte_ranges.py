"""Which bytes of a file a request asks for, and whether its copy is the same (RFC 9110, 13 and 14).

Several ranges at once are answered by the whole file, which the RFC allows: those who ask for them
(readers of PDFs) can do with it, and nobody can have a file read a thousand times.
"""

from __future__ import annotations

import re
from typing import Final

from django.http import HttpRequest
from django.utils.http import parse_etags

from .entity_tags import matches

_RANGE: Final = re.compile(r"bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})", re.IGNORECASE | re.ASCII)


class RangeNotSatisfiable(Exception):
    """Nothing of a file is in the range that a request asks for; ``size`` is that of the file."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"The file has {size:,} bytes: there is nothing at this place of it.")

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the response, a 416."""
        return {"Content-Range": f"bytes */{self.size}", "Accept-Ranges": "bytes"}


class PreconditionFailed(Exception):
    """The file is another one than ``If-Match`` names; ``str`` is for the sender."""

    def __init__(self) -> None:
        super().__init__("The file is another one than If-Match names.")


def requested_range(request: HttpRequest, size: int, etag: str) -> tuple[int, int] | None:
    """Return the first byte and the one after the last that are asked for; None for all.

    Args:
        request: for anything but GET a range means nothing.
        size: bytes of the file.
        etag: of the file, a strong one.

    Raises:
        RangeNotSatisfiable: there is none of them.
    """
    found = _RANGE.fullmatch(request.META.get("HTTP_RANGE", "").strip())
    if found is None or request.method != "GET":
        return None
    # Who has a part of another file gets all of this one. A date is not compared: a file can be
    # replaced twice within a second.
    if request.META.get("HTTP_IF_RANGE", etag).strip() != etag:
        return None
    first, last = found[1], found[2]
    if not first:
        return _end_of(size, int(last)) if last else None
    if last and int(last) < int(first):
        return None  # no range at all, which is ignored
    if int(first) >= size:
        raise RangeNotSatisfiable(size)
    return int(first), min(int(last) + 1, size) if last else size


def _end_of(size: int, length: int) -> tuple[int, int] | None:
    if not length:
        raise RangeNotSatisfiable(size)
    return (max(size - length, 0), size) if size else None


def is_unchanged(request: HttpRequest, etag: str) -> bool:
    """Whether the client has the file already: the response is a 304.

    Raises:
        PreconditionFailed: it wants one of others only.
    """
    wanted = request.META.get("HTTP_IF_MATCH")
    if wanted is not None and not {"*", etag} & set(parse_etags(wanted)):
        raise PreconditionFailed
    return matches(request.META.get("HTTP_IF_NONE_MATCH", ""), etag)
