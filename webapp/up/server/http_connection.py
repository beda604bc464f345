"""One connection: its requests, one after another, and their responses.

Everything here is called by the event loop, but for ``send_whole`` and ``call``. No thread belongs
to a connection: one works on its request when that is complete, and is free again when it has a
response.

::

    READING ──▶ WORKING ──▶ READING        the next request
       │  ▲        │
       │  └────────┤  the application, asked by the head alone, wants the body
       │           │  (or it waits for news: the request is held, and handled again later;
       │           │  or it takes the body as it comes: the response goes on with each piece)
       ▼           ▼
    LEAVING ◀── a refusal, or a response with the last of the connection
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final, Protocol, cast

from jobs.core.held_requests import HELD, Wait
from jobs.core.request_ids import ENVIRON_KEY, accepted_request_id, new_request_id

from .access_log import LEFT, NOTES, log_access
from .holding import HeldRequest
from .pace import HEAD_SECONDS, IDLE_SECONDS, STUCK_SECONDS, Pace
from .received_body import UNASKED, ReceivedBody, too_large
from .refusals import Refused
from .request_head import RequestHead
from .request_reader import RequestReader
from .responses import Framing
from .streamed_body import SILENT_SECONDS, StreamedBody, comes_in_lines

AHEAD: Final = 64 * 1024
"""Bytes that are read ahead while a request is handled; then the client has to wait."""
LEAVING_SECONDS: Final = 5.0
"""How long a client that still sends is listened to after the last response. A connection that is
closed before would be reset, and the response lost (RFC 9112, 9.6)."""
LEAVING_LONGEST: Final = 30.0
_LEFT: Final = "The client has left before the end of the body."
_INCOMPLETE: Final = "The request ended before it was complete."
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class State(Enum):
    """What a connection does; see the drawing above."""

    READING = auto()
    WORKING = auto()
    LEAVING = auto()


@dataclass(slots=True)
class Request:
    """A request, and its body as far as it was received."""

    head: RequestHead
    body: ReceivedBody | None = None
    is_received: bool = False
    was_asked: bool = False
    keeps_part: bool = False  # the application takes a body that is cut off as well
    is_cut: bool = False
    has_overrun: bool = False  # more came behind its chunks, and is lost
    streamed: StreamedBody | None = None  # the application takes it as it comes
    wait: Wait | None = None  # what it was held for
    begun_at: float = field(default_factory=time.monotonic)
    access_notes: dict[str, Any] | None = None  # what the application says for an access log
    _id: str = ""

    @property
    def id(self) -> str:
        """Its ``X-Request-Id``: the client's, or one that is made here."""
        if not self._id:
            self._id = accepted_request_id(self.head.environ.get(ENVIRON_KEY))
        return self._id

    def add_to(self, environ: dict[str, Any]) -> None:
        """Add it to the environment. Before the body is there, its length is that which is
        declared, or how much there is at least."""
        environ.update(self.head.environ)
        environ[ENVIRON_KEY] = self.id
        if self.access_notes is not None:
            environ[NOTES] = self.access_notes
        if (
            self.body is not None
            and not self.is_cut
            and (self.is_received or self.head.length is None)
        ):
            environ["CONTENT_LENGTH"] = str(self.body.size)
        if self.is_received:
            environ.pop("HTTP_TRANSFER_ENCODING", None)  # it is decoded
        if self.wait is not None:
            environ[HELD] = self.wait
            if self.head.has_body:
                environ["CONTENT_LENGTH"] = "0"  # the application has had it

    @property
    def is_whole(self) -> bool:
        """Whether its client has sent all of it: nothing comes after that unless it is asked."""
        return self.is_received and not self.is_cut and not self.has_overrun

    def close(self) -> None:
        """Delete the body."""
        if self.body is not None:
            self.body.close()
            self.body = None
        if self.streamed is not None:
            self.streamed.spool.close()

    @property
    def is_coming(self) -> bool:
        """Whether the application takes the body, and its end has not come."""
        return self.streamed is not None and not self.is_received


class Streamed(Protocol):
    """A response in pieces."""

    def advance(self) -> None:
        """Make and send the next piece."""

    def close(self) -> None:
        """Make no more of them."""


class Site(Protocol):
    """What a connection uses of its server."""

    loop: asyncio.AbstractEventLoop
    max_body: int
    is_stopping: bool
    has_access_log: bool

    def handle(self, connection: HttpConnection, request: Request) -> None:
        """Call the application in a thread."""

    def submit(self, work: Callable[[], None]) -> None:
        """Call this in a thread."""

    def admit(self, connection: HttpConnection) -> bool:
        """Count a connection; return False if there are too many."""

    def forget(self, connection: HttpConnection) -> None:
        """The connection is closed."""


class HttpConnection(asyncio.Protocol):
    """Reads requests, has them handled and sends the responses."""

    def __init__(self, site: Site, sock: socket.socket, address: str, port: int) -> None:
        self.address = address
        self.max_body = site.max_body
        self.since = time.monotonic()
        """When it began to wait for its client, or for the application."""
        self.state = State.READING
        self._site = site
        self._sock = sock
        self._peer = {"REMOTE_ADDR": address, "REMOTE_PORT": str(port)}
        self._lock = threading.Lock()  # held to send from a thread, and to change what that reads
        self._reader = RequestReader()
        self._request: Request | None = None
        self._pace: Pace | None = None  # of a body, or of a response
        self._held = b""  # what came ahead
        self._is_half_closed = False  # the client sends no more
        self._is_lost = False
        self._is_full = False  # the client does not read as fast as we send
        self._streamed: Streamed | None = None  # goes on when the client has read
        self._awaiting: Streamed | None = None  # goes on when more of the body has come
        self._held_request: HeldRequest | None = None
        self._handed = 0  # bytes of the response that were given to the transport
        self._leaving_until = 0.0

    # --- asyncio calls these -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        if not self._site.admit(self):
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Let go of everything. The socket is closed behind this, when no thread sends by it."""
        with self._lock:
            self._is_lost = True
        for streamed in (self._streamed, self._awaiting):
            if streamed is not None:
                self.leave(streamed)
        self._streamed = self._awaiting = None
        if self._held_request is not None:
            self._held_request.abandon()
        self._cut_streamed(_LEFT)
        if self._request is not None and self.state is State.READING:
            self._end_cut(self._request, None)
        self._site.forget(self)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends."""
        if self.state is State.LEAVING:
            self.since = time.monotonic()
            return
        if self._request is not None and self._request.is_coming:
            self._write_streamed(self._request, b"", data)
            return
        with self._lock:
            if self.state is State.WORKING or self._held or self._is_full:
                self._held += data
                if len(self._held) > AHEAD:
                    self._transport.pause_reading()
                return
        self._read(data)

    def eof_received(self) -> bool:
        """Take the end of what the client sends; it may still wait for a response."""
        with self._lock:
            self._is_half_closed = True
        self._cut_streamed(_INCOMPLETE)
        self.stop_holding()
        if self.state is State.WORKING or self._held:
            return True
        if self.state is State.READING and self._is_inside_request():
            self._end_cut(self._request, Refused(400, _INCOMPLETE))
            return True
        return False

    def pause_writing(self) -> None:
        """Note that the client does not read."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._is_full = False
        if self._streamed is not None:
            streamed, self._streamed = self._streamed, None
            self._site.submit(streamed.advance)
        elif self.state is State.READING:
            self._resume()

    # --- reading -------------------------------------------------------------------------------

    def _is_inside_request(self) -> bool:
        return self._request is not None or self._reader.is_inside_head

    def _read(self, data: bytes) -> None:
        try:
            while data and self.state is State.READING:
                if self._request is None:
                    data = self._read_head(data)
                else:
                    data = self._read_body(self._request, data)
            request = self._request
            if request is not None and self._is_to_be_asked(request):
                self._hand_over(request)
        except Refused as refused:
            self._refuse(refused)
            return
        if data:
            with self._lock:
                self._held = data + self._held
                was_missed = self.state is State.READING  # the response is sent already
            if was_missed:
                self._resume()

    def _is_to_be_asked(self, request: Request) -> bool:
        """Whether the application may want to have the body as it comes."""
        is_new = self.state is State.READING and not request.was_asked
        return is_new and comes_in_lines(request.head)

    def _read_head(self, data: bytes) -> bytes:
        if not self._reader.is_inside_head:
            self.since = time.monotonic()
        head = self._reader.read_head(data)
        if head is None:
            return b""
        head.environ.update(self._peer)
        request = self._request = Request(head)
        if self._site.has_access_log:
            request.access_notes = {}
        if not head.has_body:
            request.is_received = True
            self._hand_over(request)
        elif head.length is not None and head.length > self._site.max_body:
            raise too_large(self._site.max_body)
        else:
            request.body = ReceivedBody(self._site.max_body)
            self._pace = Pace(time.monotonic())
            if head.expects_continue or (head.length or 0) > UNASKED:
                self._hand_over(request)
        return self._reader.rest

    def _read_body(self, request: Request, data: bytes) -> bytes:
        body = cast("ReceivedBody", request.body)
        if self._reader.read_body(data, body.write):
            if self._reader.has_overrun:
                request.head = request.head._replace(keep_alive=False)
                request.has_overrun = True
            request.is_received = True
            self._hand_over(request)
        elif body.size > UNASKED and not request.was_asked:
            self._hand_over(request)
        return self._reader.rest

    def _hand_over(self, request: Request) -> None:
        """Have the request handled: to its end, or until the application reads the body."""
        request.was_asked = True
        self.state = State.WORKING
        self.since = time.monotonic()
        self._pace, self._handed = None, 0
        self._site.handle(self, request)

    def _end_cut(self, request: Request | None, refused: Refused | None) -> None:
        """End a request whose end has not come; None for a client that is gone.

        An application that can use a part of the body has it. Nothing is read after it: the rest
        of a body would look as another request.
        """
        if request is not None and request.keeps_part and request.body and request.body.size:
            request.head = request.head._replace(keep_alive=False)
            request.is_received = request.is_cut = True
            self._hand_over(request)
        elif refused is not None:
            self._refuse(refused)
        elif request is not None:
            self.log_access(request, request.id, LEFT, 0)
            request.close()

    def receive_body(self) -> None:
        """Receive the body: the application, asked by the head alone, wants it."""
        request = self._request
        if request is None or self._is_lost:
            if request is not None:
                request.close()
            return
        if request.head.expects_continue:
            self._transport.write(_CONTINUE)
        self.state = State.READING
        self._pace = Pace(time.monotonic())
        self._resume()

    # --- a body that is answered as it comes ---------------------------------------------------

    def stream_body(self, request: Request, streamed: StreamedBody) -> None:
        """Give the application the body from now on: what is here of it, and what comes."""
        request.streamed = streamed
        if self._is_lost:
            streamed.cut(_LEFT)
            return
        if request.head.expects_continue:
            self._transport.write(_CONTINUE)
        begun = b"" if request.body is None else request.body.opened().read()
        with self._lock:
            data, self._held = self._held, b""
        if len(data) > AHEAD:
            self._transport.resume_reading()
        self._write_streamed(request, begun, data)
        if self._is_half_closed:
            self._cut_streamed(_INCOMPLETE)

    def _write_streamed(self, request: Request, begun: bytes, data: bytes) -> None:
        """Write what was received before, and what belongs to the body of what comes now."""
        streamed = cast("StreamedBody", request.streamed)
        self.since = time.monotonic()
        try:
            streamed.write(begun)
            is_whole = bool(data) and self._reader.read_body(data, streamed.write)
        except Refused as refused:
            request.is_cut = True
            streamed.cut(refused.detail)
            return
        if is_whole:
            request.is_received = True
            request.has_overrun = self._reader.has_overrun
            with self._lock:
                self._held = self._reader.rest
            streamed.spool.end()

    def _cut_streamed(self, why: str) -> None:
        if self._request is not None and self._request.is_coming:
            self._request.is_cut = True
            cast("StreamedBody", self._request.streamed).cut(why)

    def await_body(self, data: bytes, streamed: Streamed) -> None:
        """Send a piece of a response, and have the next one made when more of the body is here."""
        if self._is_lost or self._request is None or self._request.streamed is None:
            self.leave(streamed)
            return
        self._write(data)
        self._awaiting = streamed
        self._request.streamed.spool.when_ready(lambda: self.call(self._body_came, streamed))

    def _body_came(self, streamed: Streamed) -> None:
        if self._awaiting is streamed:
            self._awaiting = None
            self.go_on(streamed)

    def _resume(self) -> None:
        """Go on with what came ahead."""
        if self._is_lost or self._is_full or self.state is not State.READING:
            return
        with self._lock:
            data, self._held = self._held, b""
        if len(data) > AHEAD:
            self._transport.resume_reading()
        self._read(data)
        if self._is_half_closed and self.state is State.READING:
            if self._is_inside_request():
                self._end_cut(self._request, Refused(400, _INCOMPLETE))
            else:
                self._transport.close()
        elif self._site.is_stopping and not self._is_inside_request():
            self._transport.close()

    # --- holding -------------------------------------------------------------------------------

    def may_hold(self) -> bool:
        """Whether the request may wait: who sends no more has left, most likely."""
        return not (self._is_lost or self._is_half_closed or self._site.is_stopping)

    def hold(self, held: HeldRequest, data: bytes = b"") -> None:
        """Hold the request, after this part of the response."""
        self._held_request = held
        if self._is_lost:
            held.abandon()
            return
        self._write(data)
        held.begin(self._site.loop, self.call)
        if not self.may_hold():
            held.go_on()

    def stop_holding(self) -> None:
        """Let a request that is held go on, and take no more of a body that is answered as it
        comes if the server stops."""
        if self._site.is_stopping and self._request is not None and self._request.streamed:
            self._request.streamed.stop()
        if self._held_request is not None:
            self._held_request.go_on()

    # --- sending -------------------------------------------------------------------------------

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Have the event loop call this; from any thread."""
        try:
            self._site.loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            return  # the server has been stopped, its loop is closed

    def send_whole(self, framing: Framing, data: bytes) -> None:
        """Send a response that is complete; from any thread.

        Nearly always the system takes all of it at once, and the event loop need not wake up for
        it: under load that costs a tenth of all requests.
        """
        if os.name == "nt":  # the loop there sends by other calls, which are not mixed with these
            self.call(self.send_end, data, framing.keep_alive)
            return
        with self._lock:
            if self._is_lost:
                return
            if not self._transport.get_write_buffer_size():
                try:
                    data = data[self._sock.send(data) :]
                except (BlockingIOError, InterruptedError):
                    pass
                except OSError:  # the client is gone
                    self.call(self.abort)
                    return
            goes_on = framing.keep_alive and not self._is_half_closed and not self._site.is_stopping
            if not data and goes_on and not self._held:
                self._await_next()
                return
        self.call(self.send_end, data, framing.keep_alive)

    def _await_next(self) -> None:
        self._request = self._held_request = None
        self._pace = None
        self.since = time.monotonic()
        self.state = State.READING

    def send_piece(self, data: bytes, streamed: Streamed) -> None:
        """Send a piece of a response, and have the next one made when there is room for it."""
        if self._is_lost:
            self.leave(streamed)
            return
        self._write(data)
        self.go_on(streamed)

    def go_on(self, streamed: Streamed) -> None:
        """Have the next piece made when there is room for it."""
        if self._is_full:
            self._streamed = streamed
        else:
            self._site.submit(streamed.advance)

    def leave(self, streamed: Streamed) -> None:
        """Have no more pieces made: the client has gone."""
        self._site.submit(streamed.close)

    def send_end(self, data: bytes, keep_alive: bool) -> None:
        """Send the rest of a response; then read the next request, or leave."""
        if self._is_lost:
            return
        self._write(data)
        request = self._request
        is_whole = request is None or request.is_whole
        if request is not None:
            if request.streamed is not None:
                keep_alive = keep_alive and is_whole
            request.close()
        if not keep_alive or self._site.is_stopping:
            self._leave(at_once=is_whole and not self._held)
            return
        with self._lock:
            self._await_next()
        self._resume()

    def _write(self, data: bytes) -> None:
        if data:
            self._handed += len(data)
            self._transport.write(data)

    def _refuse(self, refused: Refused) -> None:
        request, self._request = self._request, None
        request_id = new_request_id() if request is None else request.id
        response = refused.response(request_id)
        self._write(response)
        if request is not None:
            request.close()
        self.log_access(request, request_id, refused.code, len(response.partition(b"\r\n\r\n")[2]))
        self._leave(at_once=False)

    def _leave(self, *, at_once: bool) -> None:
        """Send no more. A client that may be sending still is listened to for a while."""
        self.state = State.LEAVING
        self.since = time.monotonic()
        self._leaving_until = self.since + LEAVING_LONGEST
        self._request, self._held, self._pace = None, b"", None
        if at_once or self._is_half_closed:
            self._transport.close()
            return
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def log_access(self, request: Request | None, request_id: str, status: int, size: int) -> None:
        """Write the line of a request that is over, where there is an access log."""
        if self._site.has_access_log:
            log_access(request, self.address, request_id, status, size)

    def abort(self) -> None:
        """Close it at once."""
        self._transport.abort()

    # --- deadlines -----------------------------------------------------------------------------

    @property
    def waiting_since(self) -> float:
        """Since when the client has sent or taken nothing."""
        return self.since if self._pace is None else self._pace.moved_at

    @property
    def waits_for_client(self) -> bool:
        """Whether it is the client that must go on, so that it may give way to another one."""
        return (
            self.state is not State.WORKING
            or self._streamed is not None
            or self._awaiting is not None
        )

    @property
    def is_idle(self) -> bool:
        """Whether it is between two requests."""
        return (
            self.state is State.READING
            and not self._is_inside_request()
            and not self._transport.get_write_buffer_size()
        )

    def check(self, now: float) -> None:
        """Close the connection if its client is too slow; called every second."""
        unsent = self._transport.get_write_buffer_size()
        if unsent:
            self._check_reading_of_response(now, unsent)
        elif self.state is State.READING:
            self._check_request(now)
        elif self.state is State.LEAVING:
            if now > min(self.since + LEAVING_SECONDS, self._leaving_until):
                self._transport.abort()
        else:
            self._pace = None
            if self._awaiting is not None and now > self.since + SILENT_SECONDS:
                self._cut_streamed(f"Nothing of it came for {SILENT_SECONDS:.0f} s.")

    def _check_reading_of_response(self, now: float, unsent: int) -> None:
        if self._pace is None:
            self._pace = Pace(now, STUCK_SECONDS)
        self._pace.note(self._handed - unsent, now)
        if self._pace.is_too_slow(now):
            self._transport.abort()

    def _check_request(self, now: float) -> None:
        request = self._request
        if request is not None and request.body is not None and self._pace is not None:
            self._pace.note(request.body.size, now)
            if self._pace.is_too_slow(now):
                self._end_cut(request, Refused(408, "The body came too slowly."))
        elif self._reader.is_inside_head:
            if now > self.since + HEAD_SECONDS:
                self._refuse(Refused(408, f"The header fields took over {HEAD_SECONDS:.0f} s."))
        elif now > self.since + IDLE_SECONDS:
            self._transport.close()
