"""The threads that call the application. Whatever waits for a client waits elsewhere."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jobs.api.request_body import KEEPS_PART
from jobs.core.held_requests import HOLD
from jobs.core.request_ids import HEADER
from jobs.core.server_threads import THREADS
from jobs.core.spool import Spool
from jobs.core.streamed_bodies import STREAM

from .access_log import LEFT
from .holding import HeldRequest, Hold, Seats
from .received_body import BodyNotReceived, BodyToCome, CutBody
from .responses import FileBlocks, Framing, Response
from .streamed_body import StreamedBody
from .work_queue import WorkQueue

if TYPE_CHECKING:
    from .http_connection import HttpConnection, Request

logger = logging.getLogger(__name__)
Application = Callable[..., Any]
_HEALTH: Final = "/healthz"
_READING: Final = frozenset({"GET", "HEAD"})


class Workers:
    """Handles requests.

    One more thread does nothing but say that the process lives, which it can say while the others
    wait for a database or hash passwords.

    Args:
        application: as PEP 3333 has it.
        threads: how many requests are handled at once.
        server: the name and the port of the server.
        later: calls a function after so many seconds, in the thread of the event loop.
        most_held: how many requests may wait for news at once.
    """

    def __init__(
        self,
        application: Application,
        threads: int,
        server: tuple[str, int],
        later: Callable[[float, Callable[[], None]], object],
        most_held: int,
    ) -> None:
        self._application = application
        self._seats = Seats(most_held)
        self._requests = WorkQueue(threads, later)
        self._health = WorkQueue(1, later)
        self.submit = self._requests.submit
        self._environ = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": server[0],
            "SERVER_PORT": str(server[1]),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input_terminated": True,
            "wsgi.file_wrapper": FileBlocks,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            THREADS: threads,
        }

    def start(self) -> None:
        """Start the threads."""
        self._requests.start()
        self._health.start()

    def stop(self) -> None:
        """Let the threads end after what they do now."""
        self._requests.stop()
        self._health.stop()

    def handle(self, connection: HttpConnection, request: Request) -> None:
        """Call the application, with the body if that is there."""
        environ = request.head.environ
        queue = self._health if environ["PATH_INFO"].endswith(_HEALTH) else self._requests
        queue.submit(
            partial(self._handle, connection, request),
            writes=environ["REQUEST_METHOD"] not in _READING,
        )

    def _handle(self, connection: HttpConnection, request: Request) -> None:
        is_received = request.is_received  # later it may be, when another thread has it
        hold = Hold(self._seats, connection.may_hold if is_received else _never)
        environ: dict[str, Any] = self._environ.copy()
        request.add_to(environ)
        environ["wsgi.input"], environ[HOLD] = _input(request), hold
        streaming = None if is_received else _Streaming(connection, request)
        if streaming is not None:
            environ[STREAM] = streaming
        response = Response()
        try:
            response.body = self._application(environ, response)
            whole = response.whole()
        except BodyNotReceived:
            request.keeps_part = bool(environ.get(KEEPS_PART))
            connection.call(connection.receive_body)
            return
        except Exception:
            logger.exception("The application ended without a response [%s].", request.id)
            hold.forget()
            response, whole = Response(), b""
            response.headers = [(HEADER, request.id)]
        finally:
            if is_received:
                request.close()
        if whole is not None and (wait := hold.taken()) is not None:
            request.wait = wait
            again = partial(self.handle, connection, request)
            left = partial(connection.log_access, request, request.id, LEFT, 0)
            connection.call(connection.hold, HeldRequest(wait, self._seats, again, left))
            return
        spool = None if streaming is None else streaming.spool
        framing = Framing(
            response,
            environ["REQUEST_METHOD"],
            environ["SERVER_PROTOCOL"],
            None if whole is None else len(whole),
            keep_alive=request.head.keep_alive
            and (is_received or (whole is None and spool is not None)),
        )
        if whole is None:
            hold.forget()
            log = partial(connection.log_access, request, request.id, int(response.status_line[:3]))
            streamed = StreamedResponse(
                connection, response, framing, hold, self._seats, spool, log
            )
            streamed.advance()
        else:
            body = whole if framing.has_body else b""
            connection.send_whole(framing, framing.head + body)
            if request.access_notes is not None:
                status = int(response.status_line[:3])
                connection.log_access(request, request.id, status, len(body))


def _never() -> bool:
    """Nothing is held whose body has not been received."""
    return False


class _Streaming:
    """What an application finds as ``environ["jobs.stream"]`` before the body has come."""

    def __init__(self, connection: HttpConnection, request: Request) -> None:
        self.spool: Spool | None = None
        self._connection = connection
        self._request = request

    def __call__(self) -> Spool:
        """Return what the body is written to from now on."""
        if self.spool is None:
            streamed = StreamedBody(self._connection.max_body)
            self.spool = streamed.spool
            self._connection.call(self._connection.stream_body, self._request, streamed)
        return self.spool


class StreamedResponse:
    """A response whose pieces are made while it is sent: one at a time, each when the client has
    taken the one before, or when there is news to make it of, or more of the body that it answers.
    No thread waits for that."""

    def __init__(
        self,
        connection: HttpConnection,
        response: Response,
        framing: Framing,
        hold: Hold,
        seats: Seats,
        spool: Spool | None,
        log: Callable[[int], None],
    ) -> None:
        self._spool = spool
        self._connection = connection
        self._log = log
        self._size = 0
        self._response = response
        self._framing = framing
        self._hold = hold
        self._seats = seats
        self._pieces: Iterator[bytes] = iter(response.body if framing.has_body else ())
        self._unsent = framing.head

    def advance(self) -> None:
        """Send the next piece; called in a thread of the workers."""
        framing = self._framing
        try:
            piece = b"" if framing.left == 0 else next(self._pieces, None)
        except Exception:
            logger.exception("The application ended within a response.")
            self.close()
            self._connection.call(self._connection.abort)
            return
        if piece is None or framing.left == 0:
            self.close()
            end = self._unsent + framing.end()
            self._connection.call(self._connection.send_end, end, framing.keep_alive)
            return
        self._size += len(piece)
        data, self._unsent = self._unsent + framing.piece(piece), b""
        if (wait := self._hold.taken()) is not None:
            connection = self._connection
            later, left = partial(connection.go_on, self), partial(connection.leave, self)
            held = HeldRequest(wait, self._seats, later, left)
            connection.call(connection.hold, held, data)
            return
        if self._spool is not None and not piece:
            self._connection.call(self._connection.await_body, data, self)
            return
        self._connection.call(self._connection.send_piece, data, self)

    def close(self) -> None:
        """Close the application's response; called in a thread of the workers."""
        self._hold.forget()
        self._log(self._size)
        try:
            self._response.close()
        except Exception:
            logger.exception("The application's response could not be closed.")


def _input(request: Request) -> Any:
    if not request.is_received:
        return BodyToCome()
    if request.body is None:
        return io.BytesIO()
    return CutBody(request.body.opened()) if request.is_cut else request.body.opened()
