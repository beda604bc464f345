"""The title of a page, as a browser shows it."""

from __future__ import annotations

import re

from .charset import decoded
from .markup import read_markup

MAX_TITLE = 300

# What is in these is no part of the HTML document: drawings have titles of their own.
_OTHER = frozenset({"svg", "math", "template", "noscript"})
_INSIDE_SVG = "foreignobject"  # is HTML again
# These end an <svg> or <math> that was left open (HTML standard, 13.2.6.5).
_ENDS_DRAWING = frozenset(
    "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li "
    "listing menu meta nobr ol p pre ruby s small span strong strike sub sup table tt u ul "
    "var".split()
)
# The first tags by which a browser takes a body without a type for HTML (MIME Sniffing, 7.1).
_LOOKS_LIKE_HTML = re.compile(
    rb"[\t\n\f\r ]*<(?:!--|\?xml|(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style"
    rb"|title|b|body|br|p|meta)[\t\n\f\r >])",
    re.IGNORECASE,
)
_SPACES = re.compile(r"[\t\n\f\r ]+")


def title_of(body: bytes, content_type: str) -> str:
    """Return what ``document.title`` is in a browser, cut at 300 characters; "" for no title.

    The body is decoded as a browser would (see ``charset``) and read up to its title.
    """
    if not _is_html(body, content_type):
        return ""
    finder = _TitleFinder()
    read_markup(decoded(body, content_type), finder)
    return _SPACES.sub(" ", "".join(finder.parts)).strip("\t\n\f\r ")[:MAX_TITLE]


def _is_html(body: bytes, content_type: str) -> bool:
    kind = content_type.partition(";")[0].partition(",")[0].strip().lower()
    if kind in {"", "unknown/unknown", "application/unknown", "*/*"}:
        head = body[:1024]
        return bool(_LOOKS_LIKE_HTML.match(head.removeprefix(b"\xef\xbb\xbf")))
    return kind in {"text/html", "application/xhtml+xml"}


class _TitleFinder:
    """Finds the first <title> that is an element of HTML."""

    def __init__(self) -> None:
        self.done = False
        self.parts: list[str] = []
        self._within: list[str] = []
        self._reading = False
        self._body = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._within and self._within[-1] in {"svg", "math"} and tag in _ENDS_DRAWING:
            self._within.pop()
        is_html = not self._within or self._within[-1] == _INSIDE_SVG
        if tag in _OTHER or (self._within and tag == _INSIDE_SVG):
            self._within.append(tag)
        elif tag == "title" and is_html:
            self._reading = True
        elif tag == "frameset" and not self._body:
            self.done = True  # nothing that follows is part of the document
        self._body = self._body or tag == "body"

    def end(self, tag: str) -> None:
        if tag == "title" and self._reading:
            self.done = True
        elif self._within and self._within[-1] == tag:
            self._within.pop()

    def data(self, text: str) -> None:
        if self._reading:
            self.parts.append(text)
