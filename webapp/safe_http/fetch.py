"""Fetch one page within limits."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import httpx

from jobs.core.safe_http.addresses import FetchRefused, Network
from jobs.core.safe_http.transport import CheckedTransport
from jobs.core.safe_http.urls import joined, web_url

from .unpack import ACCEPTED, max_packed, too_large, unpacked

MAX_STEP_SECONDS = 10.0


@dataclass(frozen=True)
class Limits:
    """The most that a page may take: bytes after unpacking, seconds in all, redirects."""

    max_bytes: int = 5 * 1024 * 1024
    seconds: float = 30.0
    max_redirects: int = 20  # as many as browsers follow


@dataclass(frozen=True)
class FetchedPage:
    """A page; ``url`` is the address after all redirects."""

    status: int
    url: str
    content_type: str
    body: bytes
    seconds: float


def fetch(url: str, limits: Limits | None = None, allowed: Sequence[Network] = ()) -> FetchedPage:
    """Get a page by HTTP or HTTPS, following redirects, each of them checked.

    Nothing is read from the environment: no proxy, no password file.

    Raises:
        FetchRefused: the address is not public or not HTTP, there are too many redirects, or the
            page is too large.
        httpx.TransportError: the network or the server failed; it may work later.
    """
    limits = limits or Limits()
    started = time.monotonic()
    client = httpx.Client(
        transport=CheckedTransport(allowed, started + limits.seconds),
        trust_env=False,
        timeout=min(MAX_STEP_SECONDS, limits.seconds),
        headers={"User-Agent": "Jobdesk", "Accept-Encoding": ACCEPTED},
        event_hooks={"response": [_set_location_aside]},
    )
    with client:
        response = _last_response(client, url, limits.max_redirects)
        try:
            body = _body(response, limits.max_bytes)
        finally:
            response.close()
    return FetchedPage(
        status=response.status_code,
        url=str(response.url.copy_with(userinfo=b"", fragment=None)),
        content_type=response.headers.get("Content-Type", ""),
        body=body,
        seconds=time.monotonic() - started,
    )


def _set_location_aside(response: httpx.Response) -> None:
    """Keep httpx from reading Location: it fails on some that browsers correct and follow."""
    if response.has_redirect_location:
        response.extensions["location"] = response.headers.pop("Location")


def _last_response(client: httpx.Client, url: str, max_redirects: int) -> httpx.Response:
    """Follow the redirects one by one: httpx would unpack the body of each without a limit."""
    target = str(web_url(url))
    for _ in range(max_redirects + 1):
        response = _sent(client, target)
        location = response.extensions.get("location")
        if location is None:
            return response
        response.close()
        target = str(joined(target, location))
    raise FetchRefused(f"There are more than {max_redirects} redirects.")


def _sent(client: httpx.Client, url: str) -> httpx.Response:
    try:
        request = client.build_request("GET", url)
        return client.send(request, stream=True, follow_redirects=False)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise FetchRefused(f"This is not a URL that can be fetched: {error}") from error


def _body(response: httpx.Response, limit: int) -> bytes:
    encoding = response.headers.get("Content-Encoding", "")
    packed = _capped(response.iter_raw(), max_packed(limit) if encoding else limit, limit)
    return unpacked(packed, encoding, limit)


def _capped(chunks: Iterable[bytes], most: int, limit: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise too_large(limit)
    return bytes(body)
