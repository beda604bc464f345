"""An httpx transport that checks each address it connects to.

The name is resolved once, every address is checked, and the connection goes to a checked address
itself: a name server that gives another answer a moment later (DNS rebinding) is not asked again.
The request still carries the name, and so does TLS: certificates are checked as always.

It stands on the public interfaces of httpcore alone. Replacing a private part of httpx would stop
checking, silently, on the day that part is renamed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from ssl import SSLContext
from typing import Any, cast

import httpcore
import httpx

from .addresses import Network, check, resolve

FAILURES = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


class _Stream(httpcore.NetworkStream):
    """A connection on which nothing may last beyond the deadline, however slowly bytes drip."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(self._deadline, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(self._deadline, timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._deadline, timeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(deadline: float, timeout: float | None) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("The page took too long.")
    return left if timeout is None else min(left, timeout)


class _Backend(httpcore.NetworkBackend):
    """Opens connections to checked addresses only."""

    def __init__(self, allowed: Sequence[Network], deadline: float) -> None:
        self._allowed = allowed
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = resolve(host, port, self._allowed)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} was not found: {error.strerror}") from error
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            left = _left(self._deadline, timeout)
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return self._checked(host, stream)
        raise failure

    def _checked(self, host: str, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """Look once more, at what the socket itself says it is connected to."""
        try:
            check(host, str(stream.get_extra_info("server_addr")[0]), self._allowed)
        except BaseException:
            stream.close()
            raise
        return _Stream(stream, self._deadline)


class CheckedTransport(httpx.BaseTransport):
    """Give this to ``httpx.Client(transport=..., trust_env=False)``.

    Args:
        allowed: networks that may be connected to although they are not public.
        deadline: the ``time.monotonic()`` at which everything must have ended.
        ssl_context: whom to trust; the usual authorities when it is None.

    A request raises ``Refused`` for an address that may not be connected to, and what httpx
    raises otherwise.
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        deadline: float = float("inf"),
        ssl_context: SSLContext | None = None,
    ) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context or httpx.create_ssl_context(),
            network_backend=_Backend(allowed, deadline),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; redirects are for the client to follow."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        with _httpx_errors(request):
            answer = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    url,
                    headers=request.headers.raw,
                    content=cast("Iterable[bytes]", request.stream),
                    extensions=request.extensions,
                )
            )
        body = _Body(cast("Iterable[bytes]", answer.stream), request, answer)
        return httpx.Response(
            answer.status, headers=answer.headers, stream=body, extensions=answer.extensions
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(
        self, chunks: Iterable[bytes], request: httpx.Request, answer: httpcore.Response
    ) -> None:
        self._chunks, self._request, self._answer = chunks, request, answer

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors(self._request):
            yield from self._chunks

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _httpx_errors(request: httpx.Request) -> Iterator[None]:
    """Raise what httpx raises: its errors are named as those of httpcore."""
    try:
        yield
    except FAILURES as error:
        kind = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise kind(str(error), request=request) from error
