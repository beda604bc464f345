"""The character encoding of a page, by the rules of browsers.

In this order: a byte-order mark, the charset of Content-Type, a <meta>, an XML declaration. A page
that names none is UTF-8 if it can be, else windows-1252 (browsers guess by its language).

Only the labels of the Encoding standard are known
(https://encoding.spec.whatwg.org/#names-and-labels), and they mean what they mean there: gb2312 is
GBK, shift_jis is Windows-31J, iso-8859-1 is windows-1252. Python's own codecs have other labels
and are never asked: ``punycode`` takes 41 s of CPU for a body of 300 kB.
"""

from __future__ import annotations

import re

import endec

from .markup import MAX_SEARCHED, read_markup

# How much is read in any case to find a <meta>; after that only as long as <head> goes on.
PRESCANNED = 1024
FALLBACK = "windows-1252"

_BOMS = {b"\xef\xbb\xbf": "utf-8", b"\xfe\xff": "utf-16be", b"\xff\xfe": "utf-16le"}
_UTF_16 = frozenset(
    "utf-16 utf-16le utf-16be unicode unicodefeff unicodefffe csunicode iso-10646-ucs-2 "
    "ucs-2".split()
)
_PARAMETER = re.compile(r';[\t\n\r ]*+([^\s=;"]++)=(?:"((?>(?:[^"\\]|\\.)*))"?|([^;]*+))')
# "Extracting a character encoding from a meta element" in the HTML standard.
_IN_CONTENT = re.compile(
    r"charset[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\t\n\f\r ;\"']++))",
    re.IGNORECASE,
)
_XML_DECLARATION = re.compile(rb"<\?xml[^>]*?\sencoding\s*+=\s*+(?:\"([^\">]*+)\"|'([^'>]*+)')")


def decoded(body: bytes, content_type: str) -> str:
    """Return the beginning of the body as text; what cannot be decoded is U+FFFD."""
    label = charset_of(body, content_type)
    return endec.decode(body[:MAX_SEARCHED], label, "replace", bom="evaluateall")


def charset_of(body: bytes, content_type: str) -> str:
    """Return a label of the encoding that a browser would decode the body with."""
    for mark, label in _BOMS.items():
        if body.startswith(mark):
            return label
    return (
        _of_header(content_type)
        or _of_meta(body)
        or _of_xml_declaration(body)
        or ("utf-8" if not body.isascii() and _is_utf8(body) else FALLBACK)
    )


def _known(label: str) -> str | None:
    """Return the label if the Encoding standard has it."""
    try:
        endec.decode(b"", label)
    except LookupError:
        return None
    return label.strip("\t\n\f\r ").lower()


def _of_header(content_type: str) -> str | None:
    for name, quoted, plain in _PARAMETER.findall(content_type):
        if name.lower() == "charset":  # the first one counts, even if it is not known
            return _known(re.sub(r"\\(.)", r"\1", quoted) or plain)
    return None


def _in_markup(label: str) -> str | None:
    """Return what a label means in the page: whoever could read it did not read UTF-16."""
    known = _known(label)
    if known in _UTF_16:
        return "utf-8"
    return FALLBACK if known == "x-user-defined" else known


def _of_meta(body: bytes) -> str | None:
    finder = _MetaFinder()
    # Up to the <meta>, only ASCII matters.
    read_markup(body[:PRESCANNED].decode("latin-1"), finder)
    if finder.label is None and not finder.body and len(body) > PRESCANNED:
        finder = _MetaFinder(head_only=True)
        read_markup(body[:MAX_SEARCHED].decode("latin-1"), finder)
    return finder.label


def _of_xml_declaration(body: bytes) -> str | None:
    found = _XML_DECLARATION.match(body[:PRESCANNED])
    return _in_markup((found[1] or found[2] or b"").decode("latin-1")) if found else None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _MetaFinder:
    """Finds the first <meta> that names a known encoding."""

    def __init__(self, *, head_only: bool = False) -> None:
        self.done = False
        self.label: str | None = None
        self.body = False
        self._head_only = head_only

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "meta":
            self.label = _of_attributes(attributes)
        self.body = self.body or tag in {"body", "frameset"}
        self.done = self.label is not None or (self._head_only and self.body)

    def end(self, tag: str) -> None:
        """Wait for another start."""

    def data(self, text: str) -> None:
        """Wait for a tag."""


def _of_attributes(attributes: dict[str, str]) -> str | None:
    if "charset" in attributes:
        return _in_markup(attributes["charset"])
    if attributes.get("http-equiv", "").strip().lower() != "content-type":
        return None
    found = _IN_CONTENT.search(attributes.get("content", ""))
    return _in_markup(found[1] or found[2] or found[3] or "") if found else None
