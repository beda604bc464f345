"""Middleware that gives each request an id, and each response its header ``X-Request-Id``."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse

from jobs.core.request_ids import (
    ENVIRON_KEY,
    HEADER,
    accepted_request_id,
    current_request_id,
    reset_request_id,
    set_request_id,
)

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def identify_requests(get_response: GetResponse) -> GetResponse:
    """Take the id of a request from its header, or make one.

    It belongs before all other middleware: what these answer by themselves gets an id as well. It
    is ``request.request_id`` in views.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        request_id = accepted_request_id(request.META.get(ENVIRON_KEY))
        request.request_id = request_id  # type: ignore[attr-defined]
        token = set_request_id(request_id)
        try:
            response = get_response(request)
        finally:
            reset_request_id(token)
        response.headers[HEADER] = request_id
        if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
            _keep_id_while_sending(response, request_id)
        return response

    return middleware


def _keep_id_while_sending(response: StreamingHttpResponse, request_id: str) -> None:
    """Have the id in the context of what makes the pieces: it runs after the view."""
    pieces: Any = response.streaming_content
    if response.is_async:
        response.streaming_content = _asynchronously(pieces, request_id)
    else:
        response.streaming_content = _within(pieces, request_id)


def _within(pieces: Iterable[bytes], request_id: str) -> Iterator[bytes]:
    # Not around the whole loop: between two pieces the thread belongs to others.
    rest = iter(pieces)
    while True:
        token = set_request_id(request_id)
        try:
            piece = next(rest, None)
        finally:
            reset_request_id(token)
        if piece is None:
            return
        yield piece


async def _asynchronously(pieces: AsyncIterable[bytes], request_id: str) -> AsyncIterator[bytes]:
    # Set back, not reset by its token: that must be in the same context, and whoever closes this in
    # the middle may be in another one.
    before = current_request_id()
    rest = aiter(pieces)
    while True:
        set_request_id(request_id)
        try:
            piece = await anext(rest, None)
        finally:
            set_request_id(before)
        if piece is None:
            return
        yield piece
