"""Signatures as Standard Webhooks has them (https://www.standardwebhooks.com, version 1.0)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable

from jobs.models.webhook import SECRET_PREFIX


def signed_headers(
    message: str, timestamp: int, body: bytes, secrets: Iterable[str]
) -> dict[str, str]:
    """Return the three headers of a delivery.

    Args:
        message: the id of the event, the same in each attempt.
        timestamp: of this attempt, in seconds since 1970.
        body: what is sent.
        secrets: each gives a signature; a receiver accepts any.
    """
    signed = f"{message}.{timestamp}.".encode() + body
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = b64decode(secret.removeprefix(SECRET_PREFIX))
    return f"v1,{b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"
