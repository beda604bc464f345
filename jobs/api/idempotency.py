"""The header ``Idempotency-Key`` (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

import re
from typing import Final

from django.http import HttpRequest

from .problems import MALFORMED, ApiError

MOST: Final = 255
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
