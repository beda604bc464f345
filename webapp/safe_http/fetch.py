"""Fetch one page within limits."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import httpx

from .addresses import FetchRefused, Network
from .transport import CheckedTransport

MAX_STEP_SECONDS = 10.0


@dataclass(frozen=True)
class Limits:
    """The most that a page may take: bytes after unpacking, seconds in all, redirects."""

    max_bytes: int = 5 * 1024 * 1024
    seconds: float = 30.0
    max_redirects: int = 5


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
        headers={"User-Agent": "Jobdesk", "Accept-Encoding": "gzip, deflate"},
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


def _last_response(client: httpx.Client, url: str, max_redirects: int) -> httpx.Response:
    """Follow the redirects one by one: httpx would unpack the body of each without a limit."""
    try:
        request = client.build_request("GET", url)
        for _ in range(max_redirects + 1):
            _check_scheme(request.url)
            response = client.send(request, stream=True, follow_redirects=False)
            if response.next_request is None:
                return response
            response.close()
            request = response.next_request
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise FetchRefused(f"This is not a URL that can be fetched: {error}") from error
    raise FetchRefused(f"There are more than {max_redirects} redirects.")


def _check_scheme(url: httpx.URL) -> None:
    if url.scheme not in {"http", "https"} or not url.host:
        raise FetchRefused(f"{str(url)[:200]} is not fetched: only http and https addresses are.")


def _body(response: httpx.Response, limit: int) -> bytes:
    """Read and unpack the body, never holding much more than the limit."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        return _capped(response.iter_raw(), limit)
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise FetchRefused(f"The page is packed in a way that was not asked for: {encoding[:50]}.")
    try:
        return _unpacked(response.iter_raw(), limit)
    except zlib.error as error:
        raise FetchRefused(
            f"The page says it is packed with {encoding}, but is not: {error}."
        ) from error


def _capped(chunks: Iterable[bytes], limit: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _unpacked(chunks: Iterable[bytes], limit: int) -> bytes:
    """Unpack gzip or zlib, each time no more than the limit still allows."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: detect which of the two
    body, begun = bytearray(), False
    for chunk in chunks:
        rest = chunk
        while rest and not unpacker.eof:
            body += unpacker.decompress(rest, limit + 1 - len(body))
            if len(body) > limit:
                raise _too_large(limit)
            rest = unpacker.unconsumed_tail
        begun = True
    if begun and not unpacker.eof:
        raise zlib.error("it ends too early")
    return bytes(body)


def _too_large(limit: int) -> FetchRefused:
    return FetchRefused(f"The page is larger than {limit:,} bytes.")
