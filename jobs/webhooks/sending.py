"""Send one request to a webhook's address: bounded in time and bytes, no redirect, checked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from ssl import SSLContext
from typing import Any, Final

from jobs.conf import get_conf
from jobs.core.safe_http.addresses import FetchRefused

from .addresses import refusal_of

SECONDS: Final = 15.0
"""All of a delivery: resolving the name, connecting, sending and reading the answer."""
MOST_READ: Final = 64 * 1024
"""Bytes of an answer; nobody looks at them, they are read so that the receiver can end it."""


class NotDelivered(Exception):
    """The request could not be sent or answered; the message says why, for the owner."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver has answered. ``retry_after`` are the seconds that it has asked for."""

    status: int
    seconds: float
    location: str = ""
    retry_after: float | None = None
    is_cut: bool = False

    @property
    def note(self) -> str:
        """What was left of the answer, "" for nothing."""
        if not self.is_cut:
            return ""
        return f"The answer is longer than {MOST_READ:,} bytes; the rest was not read."


def send(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send a POST and return the answer, whatever its status is.

    Raises:
        NotDelivered: there is none.
    """
    # Imported here: httpx takes a tenth of a second, which each start of a consumer would pay.
    import httpx

    from jobs.core.safe_http.transport import CheckedTransport

    began = time.monotonic()
    transport = CheckedTransport(get_conf().webhook_allowed, began + SECONDS, _ssl_context())
    client = httpx.Client(
        transport=transport,
        trust_env=False,  # no proxy, no password file
        timeout=SECONDS,
        event_hooks={"response": [_set_location_aside]},
    )
    with client:
        try:
            with client.stream("POST", url, headers=dict(headers), content=body) as response:
                is_cut = _read(response)
        except FetchRefused as error:
            raise NotDelivered(refusal_of(error)) from None
        except httpx.TimeoutException:
            raise NotDelivered(f"It did not answer within {SECONDS:g} s.") from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise NotDelivered(f"It cannot be reached: {error}") from None
    return Answer(
        status=response.status_code,
        seconds=time.monotonic() - began,
        location=response.extensions.get("location", ""),
        retry_after=_seconds(response.headers.get("Retry-After", "")),
        is_cut=is_cut,
    )


def _set_location_aside(response: Any) -> None:
    """Keep httpx from reading where a redirect leads to: it fails on some; nobody goes there."""
    if "Location" in response.headers:
        response.extensions["location"] = response.headers.pop("Location")


def _read(response: Any) -> bool:
    """Read the body as it was sent, up to the limit; return whether there was more."""
    size = 0
    for chunk in response.iter_raw():
        size += len(chunk)
        if size > MOST_READ:
            return True
    return False


@cache
def _ssl_context() -> SSLContext:
    """The usual authorities. To load them takes 20 ms of CPU, more than all of a delivery."""
    import httpx

    return httpx.create_ssl_context()


def _seconds(text: str) -> float | None:
    """``Retry-After`` as seconds: it is a number of them, or a date (RFC 9110, 10.2.3)."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:  # "-0000"
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
