"""Between requests as data and httpx: what both drivers send, and what they make of the answers."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import httpx

from .effects import Answer, ConnectionLost, Request
from .site import Site

SECONDS: Final = 30.0
"""To wait for a connection, or for the next bytes, beside what the site was asked to wait."""
CHUNK: Final = 256 * 1024
LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20)


def parts(site: Site, request: Request) -> dict[str, Any]:
    """Return what httpx takes for a request."""
    query = {name: value for name, value in request.query.items() if value is not None}
    return {
        "method": request.method,
        "url": site.url + request.path,
        "params": query or None,
        "headers": {**site.headers, **request.headers},
        "content": request.content or None,
        "timeout": httpx.Timeout(SECONDS, read=SECONDS + request.wait),
    }


def head_of(response: httpx.Response) -> Answer:
    """Return the head of an answer whose body comes in pieces."""
    return Answer(response.status_code, {**response.headers})


def answer_of(response: httpx.Response) -> Answer:
    """Return an answer that was received whole."""
    return Answer(response.status_code, {**response.headers}, response.content)


@contextmanager
def losses() -> Iterator[None]:
    """Turn what httpx raises when no whole answer comes into ``ConnectionLost``."""
    try:
        yield
    except httpx.RequestError as error:
        why = str(error).rstrip(".") or type(error).__name__
        raise ConnectionLost(why, not _is_certificate(error)) from error


def _is_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def unknown(effect: object) -> NoReturn:
    """Refuse what is no effect."""
    raise TypeError(f"No driver performs {effect!r}.")
