"""Requests out of the bytes of a connection, by llhttp, the parser of Node.js.

llhttp reads strictly: it refuses a bare line feed, a folded header field, a chunk whose size is no
number, and both Content-Length and Transfer-Encoding. It reads on past the end of a request, so it
gets one head, or one body in chunks, at a time. What a Content-Length counts is counted here.

Who polls sends the same head again and again, byte for byte. So a connection's last one is kept:
to compare it takes less than a microsecond, to parse it fifteen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from .refusals import Refused
from .request_head import RequestHead, request_head
from .request_line import VERSIONS, refusal, require_short_line, unknown_version

MAX_HEAD: Final = 32 * 1024
"""Bytes of a head. Browsers send a few hundred, and cookies of a shared host name up to 8 KiB."""
MAX_KEPT: Final = 2 * 1024
"""Bytes of a head that is kept: strangers with many connections are to fill no memory by it."""
_END: Final = b"\r\n\r\n"
Sink = Callable[[bytes], object]


class RequestReader:
    """Reads one request after another.

    ``rest`` is what came behind the head or the body that was read last.
    """

    def __init__(self) -> None:
        self.rest = b""
        self._parser = HttpRequestParser(self)
        self._incomplete = b""
        self._sink: Sink | None = None
        self._left: int | None = 0
        self._since_progress = 0
        self._is_complete = False
        self._kept: tuple[bytes, RequestHead] | None = None

    @property
    def is_inside_head(self) -> bool:
        """Whether a part of a head has been read."""
        return bool(self._incomplete)

    def read_head(self, data: bytes) -> RequestHead | None:
        """Return the head if it is complete with this data.

        Raises:
            Refused: it is no HTTP, too large or ambiguous.
        """
        if self._kept is not None and not self._incomplete:
            # It ends with the only empty line in it, so it is the whole of the next head as well.
            last, head = self._kept
            if data.startswith(last):
                self.rest = data[len(last) :]
                self._left, self._is_complete = head.length, False
                return head
        searched = max(len(self._incomplete) - len(_END) + 1, 0)
        data = self._incomplete + data
        if not searched:
            data = data.lstrip(b"\r\n")  # RFC 9112, 2.2: some clients send an empty line before
        if data and not data[:1].isalpha():
            raise Refused(400, "This is no HTTP request. Is it HTTPS? That needs a proxy.")
        require_short_line(data)
        end = data.find(_END, searched)
        if (end if end >= 0 else len(data)) > MAX_HEAD:
            raise Refused(431, f"The header fields of a request may have {MAX_HEAD:,} bytes.")
        if end < 0:
            self._incomplete = data
            return None
        self._incomplete, self.rest = b"", data[end + len(_END) :]
        return self._parse(data[: end + len(_END)])

    def _parse(self, data: bytes) -> RequestHead:
        self._target, self._fields = b"", list[tuple[bytes, bytes]]()
        self._has_head, self._sink = False, None
        upgrades = False
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            upgrades = True
        except HttpParserError as error:
            raise refusal(data, str(error)) from None
        if not self._has_head:
            raise Refused(400, "This is no HTTP request.")
        parser = self._parser
        version = parser.get_http_version()
        if version not in VERSIONS:
            raise unknown_version(version)
        head = request_head(parser.get_method().decode(), self._target, version, self._fields)
        self._left, self._since_progress, self._is_complete = head.length, 0, False
        self._kept = None
        if upgrades or head.length:
            self._parser = HttpRequestParser(self)  # this one waits for what it will not get
        if head.length is not None:
            if len(data) <= MAX_KEPT:
                self._kept = data, head
        elif upgrades:
            self._read_chunks_nevertheless()
        return head

    def _read_chunks_nevertheless(self) -> None:
        """Begin anew at the body of a request that would rather speak another protocol.

        Java's client sends ``Upgrade: h2c`` with its first request. It may be ignored, but llhttp
        takes what follows for that protocol. So it reads another head, with the same framing.
        """
        self._parser.feed_data(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")

    def read_body(self, data: bytes, sink: Sink) -> bool:
        """Give what belongs to the body to ``sink``; return whether the body is complete.

        Raises:
            Refused: a chunk is broken, or what ``sink`` raises.
        """
        if self._left is not None:
            data, self.rest = data[: self._left], data[self._left :]
            self._left -= len(data)
            sink(data)
            return not self._left
        self._sink = sink
        self.rest = b""
        self._since_progress += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            if isinstance(error.__context__, Refused):
                raise error.__context__ from None
            if not self._is_complete:
                raise Refused(400, f"The body is broken: {error}.") from None
        finally:
            self._sink = None
        if self._since_progress > MAX_HEAD and not self._is_complete:
            raise Refused(400, "There is too much beside the chunks of the body.")
        return self._is_complete

    @property
    def has_overrun(self) -> bool:
        """Whether the parser has read on behind chunks: the connection is of no use then."""
        return self._left is None and self._is_complete and self._overrun

    _overrun = False

    # --- what llhttp calls ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Note that something comes behind the last chunk."""
        self._overrun = self._sink is not None and self._is_complete

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        if self._sink is None:
            self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field. Those behind the chunks are dropped (RFC 9110, 6.5.1)."""
        if self._sink is None:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Note the end of the head."""
        self._has_head = True

    def on_body(self, data: bytes) -> None:
        """Pass a part of the body on."""
        self._since_progress = 0
        if self._sink is not None and not self._overrun:
            self._sink(data)

    def on_message_complete(self) -> None:
        """Note the end of the body."""
        self._is_complete = True
