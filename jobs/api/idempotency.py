"""The header ``Idempotency-Key`` (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

import re
from typing import Final

from django.http import HttpRequest

from .operations import header
from .problems import MALFORMED, ApiError

MOST: Final = 255
REPLAYED: Final = {"Idempotency-Replayed": "true"}
"""The header of a response to a request that came before: nothing was done again."""
KEY_OF_CHANGE: Final = header(
    "Idempotency-Key",
    "Taken as by every call, and of no effect: the status of the job decides. To be sure that "
    "nothing is done twice, send `If-Match`.",
    {"type": "string", "minLength": 1, "maxLength": MOST, "pattern": r"^[\x20-\x7e]*$"},
)
"""The header of a call that makes nothing, for the API's document."""
KEY_OF_UPLOAD: Final = header(
    "Idempotency-Key",
    "Makes the request safe to repeat: the same bytes get the first upload, with status 200. It is "
    "kept as long as the upload. Of requests that come at the same time each is received, and one "
    "is kept.",
    {"type": "string", "minLength": 1, "maxLength": MOST, "pattern": r"^[\x20-\x7e]*$"},
)
"""The header of a call that stores a file, for the API's document."""
_KEY: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


def idempotency_key(request: HttpRequest, most: int = MOST) -> str | None:
    """Return the key of a request, None without one.

    Raises:
        ApiError: 400 for a key that is empty, too long, or not of visible ASCII characters.
    """
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and (len(key) > most or not _KEY.fullmatch(key)):
        raise ApiError(MALFORMED, f"An Idempotency-Key is 1 to {most} visible ASCII characters.")
    return key
