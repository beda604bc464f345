"""The body of a request as it comes: whoever reads it is told when there is nothing more now.

Our own server writes it into a spool, without a thread. Other WSGI servers let it be read: a thread
does so, because many clients read nothing before they have sent all, and who only answered one
piece after the other would wait for them while they wait. Under ASGI, Django receives a body whole.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO, Final, cast

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from jobs.core.spool import IN_MEMORY, Spool, SpoolClosed
from jobs.core.streamed_bodies import stream_function
from jobs.errors import TooLarge, Unavailable

from .content_coding import gunzipped
from .problems import MALFORMED, ApiError
from .request_body import checked_head, declared_length, open_body

LITTLE: Final = 1024
"""WSGI servers wait until they have as many bytes as they are asked for, and a client may wait for
the answer to those that it has sent. Who says beforehand how many there will be has all of them,
and is asked for more at a time."""


def streamed_body(request: HttpRequest, limit: int) -> Iterator[bytes]:
    """Return the body in pieces; an empty one says that there is nothing more now.

    What is yielded after the empty piece may take as long as the client does. Who closes the
    iterator wants no more.

    Args:
        request: the request; nothing has read its body.
        limit: bytes that it may have.

    Raises:
        TooLarge: at once when the declared length is over the limit, else while reading.
        ApiError: as ``open_body``; a body that is cut off is a 400, and what came of it and was
            not yielded before is dropped.
    """
    stream = stream_function(request)
    if stream is not None:
        is_compressed, _ = checked_head(request, "body", limit)
        pieces = _spooled(stream(), limit, waits=False)
        return gunzipped(pieces, "body", limit) if is_compressed else pieces
    length = declared_length(request)
    is_short = length is not None and length <= IN_MEMORY
    if is_short or isinstance(request, ASGIRequest):
        return open_body(request, "body", limit)
    return _read_by_thread(request, limit)


def _spooled(spool: Spool, limit: int, *, waits: bool) -> Iterator[bytes]:
    """Yield what comes; ``waits`` where this thread waits, rather than the server."""
    total = 0
    try:
        while (data := _taken(spool)) is not None:
            total += len(data)
            if total > limit:
                raise TooLarge("body", limit)
            yield data
            if waits and not data:
                spool.wait()
    finally:
        spool.close()


def _taken(spool: Spool) -> bytes | None:
    try:
        return spool.take()
    except OSError as error:
        raise ApiError(MALFORMED, "The body could not be read to its end.") from error


def _read_by_thread(request: HttpRequest, limit: int) -> Iterator[bytes]:
    if declared_length(request) is None:
        pieces = open_body(request, "body", limit, wrap=_as_it_comes)
    else:
        pieces = open_body(request, "body", limit)
    spool = Spool()
    thread = threading.Thread(target=_pump, args=(pieces, spool), name="body", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise Unavailable("There is no thread to receive the body now.", 2) from error
    return _spooled(spool, limit, waits=True)


def _as_it_comes(source: BinaryIO) -> BinaryIO:
    reader: Any = getattr(source, "reader", None)
    is_of_gunicorn = hasattr(reader, "read") and isinstance(getattr(reader, "buf", None), BytesIO)
    return cast("BinaryIO", _OfGunicorn(source, reader) if is_of_gunicorn else _Little(source))


class _Little:
    """Reads little at a time."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def read(self, size: int) -> bytes:
        return self._source.read(min(size, LITTLE))


class _OfGunicorn:
    """Reads what a chunk has brought. gunicorn's own input waits for a kilobyte at least, even when
    it is asked for one byte; the reader inside of it, which has no public name, does not."""

    def __init__(self, source: Any, reader: Any) -> None:
        self._source, self._reader = source, reader

    def read(self, _: int) -> bytes:
        try:
            first: bytes = self._reader.read(1)
            rest: bytes = self._reader.read(self._reader.buf.tell())
        except Exception:
            self._source.failed = True  # as gunicorn does: then it closes the connection
            raise
        return first + rest


def _pump(pieces: Iterator[bytes], spool: Spool) -> None:
    try:
        for piece in pieces:
            spool.write(piece)
        spool.end()
    except SpoolClosed:
        pass
    except OSError as error:
        reason = Unavailable("There is no room for the body now.", 5, cause=str(error))
        spool.end(reason)
    except Exception as error:  # noqa: BLE001  (whoever reads the spool gets it)
        spool.end(error)
