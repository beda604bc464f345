"""An httpx transport that checks each address it connects to.

The name is resolved once, every address is checked, and the connection goes to a checked address
itself: a name server that answers differently a moment later (DNS rebinding) is not asked again.
The request still carries the name, and so does TLS: certificates are checked as always.

It uses public interfaces of httpcore only. A replaced private part of httpx would silently stop
being used on the day that part is renamed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from ssl import SSLContext
from typing import Any, cast

import httpcore
import httpx

from .addresses import Network, check_address, resolve

HTTPCORE_ERRORS = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


class _DeadlineStream(httpcore.NetworkStream):
    """A connection on which nothing lasts beyond the deadline, however slowly bytes arrive."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _seconds_left(self._deadline, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _seconds_left(self._deadline, timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _seconds_left(self._deadline, timeout)
        return _DeadlineStream(
            self._inner.start_tls(ssl_context, server_hostname, left), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _seconds_left(deadline: float, timeout: float | None) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("The page took too long.")
    return left if timeout is None else min(left, timeout)


class _CheckedBackend(httpcore.NetworkBackend):
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
            left = _seconds_left(self._deadline, timeout)
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return self._checked(host, stream)
        raise failure

    def _checked(self, host: str, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """Check once more the address that the socket itself reports."""
        try:
            check_address(host, str(stream.get_extra_info("server_addr")[0]), self._allowed)
        except BaseException:
            stream.close()
            raise
        return _DeadlineStream(stream, self._deadline)


class CheckedTransport(httpx.BaseTransport):
    """Give this to ``httpx.Client(transport=..., trust_env=False)``.

    Args:
        allowed: networks that may be connected to although they are not public.
        deadline: the ``time.monotonic()`` at which everything must have ended.
        ssl_context: the authorities to trust; the usual ones if None.

    A request raises ``FetchRefused`` for an address that may not be connected to, and what httpx
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
            network_backend=_CheckedBackend(allowed, deadline),
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
            response = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    url,
                    headers=request.headers.raw,
                    content=cast("Iterable[bytes]", request.stream),
                    extensions=request.extensions,
                )
            )
        body = _Body(cast("Iterable[bytes]", response.stream), request, response)
        return httpx.Response(
            response.status, headers=response.headers, stream=body, extensions=response.extensions
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(
        self, chunks: Iterable[bytes], request: httpx.Request, response: httpcore.Response
    ) -> None:
        self._chunks, self._request, self._response = chunks, request, response

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors(self._request):
            yield from self._chunks

    def close(self) -> None:
        self._response.close()


@contextmanager
def _httpx_errors(request: httpx.Request) -> Iterator[None]:
    """Raise the error of httpx that has the name of httpcore's."""
    try:
        yield
    except HTTPCORE_ERRORS as error:
        kind = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise kind(str(error), request=request) from error
