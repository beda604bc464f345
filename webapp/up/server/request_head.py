"""The head of a request as a WSGI environment, and what of RFC 9112 the parser leaves to us."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from .refusals import Refused

_ONCE: Final = frozenset({"HTTP_HOST", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_AUTHORIZATION"})
"""Header fields of which a second one would mean something else to a proxy than to us."""
_WITHOUT_PREFIX: Final = frozenset({"CONTENT_LENGTH", "CONTENT_TYPE"})


class RequestHead(NamedTuple):
    """The first lines of a request.

    ``length`` is that of the body; None for one that comes in chunks.
    """

    environ: dict[str, Any]
    length: int | None
    keep_alive: bool
    expects_continue: bool

    @property
    def has_body(self) -> bool:
        """Whether bytes follow."""
        return self.length != 0


def request_head(
    method: str, target: bytes, version: str, fields: Iterable[tuple[bytes, bytes]]
) -> RequestHead:
    """Return the head of a request.

    Args:
        method: as it came.
        target: a path with its query, or a whole URL (RFC 9112, 3.2.2).
        version: ``1.0`` or ``1.1``.
        fields: names and values of the header fields, in their order.

    Raises:
        Refused: it cannot be understood in only one way.
    """
    if method == "CONNECT":  # its target is no path (RFC 9110, 9.3.6)
        raise Refused(501, "CONNECT is for proxies, and this is none.")
    path, _, query = _path(method, target).partition(b"?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{version}",
    }
    for name, value in fields:
        if key := _key(name):
            text = value.strip(b" \t").decode("latin-1")
            environ[key] = _joined(key, environ[key], text) if key in environ else text
    if version == "1.1" and "HTTP_HOST" not in environ:
        raise Refused(400, "A request needs the header Host (RFC 9112, 3.2).")
    length = _body_length(environ, version)
    expect = environ.pop("HTTP_EXPECT", "").lower()
    if expect not in {"", "100-continue"}:
        raise Refused(417, "The header Expect can only be 100-continue here.")
    return RequestHead(
        environ,
        length,
        keep_alive=_keeps_alive(environ.get("HTTP_CONNECTION", ""), version),
        expects_continue=bool(expect) and length != 0 and version == "1.1",
    )


def _path(method: str, target: bytes) -> bytes:
    if target.startswith(b"/") or (target == b"*" and method == "OPTIONS"):
        return target.partition(b"#")[0]
    scheme, separator, rest = target.partition(b"://")
    if not separator or scheme.lower() not in {b"http", b"https"}:
        raise Refused(400, "The address of a request begins with a slash, or with http://.")
    authority, slash, path = rest.partition(b"/")
    return slash + path if slash else b"/" + rest[len(authority.partition(b"?")[0]) :]


@lru_cache(maxsize=512)
def _key(name: bytes) -> str:
    """The name in the environment; empty for a header field that is left out.

    ``X_Forwarded_Proto`` would get the name of ``X-Forwarded-Proto``, which a proxy has set.
    """
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in _WITHOUT_PREFIX else f"HTTP_{key}"


def _joined(key: str, first: str, second: str) -> str:
    if key in _ONCE:
        name = key.removeprefix("HTTP_").replace("_", "-").title()
        raise Refused(400, f"The header {name} came twice.")
    return f"{first}; {second}" if key == "HTTP_COOKIE" else f"{first},{second}"


def _body_length(environ: dict[str, Any], version: str) -> int | None:
    """The length of the body by RFC 9112, 6.3; None for chunks."""
    length, coding = environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING")
    if coding is not None:
        if length is not None:
            raise Refused(400, "Send Content-Length or Transfer-Encoding, not both.")
        if version != "1.1":
            raise Refused(400, "Transfer-Encoding needs HTTP/1.1.")
        if coding.lower() != "chunked":
            raise Refused(501, "The only Transfer-Encoding here is chunked.")
        return None
    if length is None:
        return 0
    if length.isascii() and length.isdigit() and len(length) >= 20:
        raise Refused(413, "A body of this length is too large.")
    if not (length.isascii() and length.isdigit()):
        raise Refused(400, "Content-Length is no number.")
    return int(length)


def _keeps_alive(connection: str, version: str) -> bool:
    if not connection:
        return version == "1.1"
    options = {option.strip() for option in connection.lower().split(",")}
    return "close" not in options if version == "1.1" else "keep-alive" in options
