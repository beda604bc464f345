"""The title of a page."""

from __future__ import annotations

import html
import re

MAX_SEARCHED = 256 * 1024
MAX_TITLE = 300

# The repeats are bounded: a page full of "<title" must not take quadratic time.
_TITLE = re.compile(r"<title(?:\s[^>]{0,500})?>([^<]{0,2000})", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{1,40})", re.IGNORECASE)


def title_of(body: bytes, content_type: str) -> str:
    """Return the title of an HTML page on one line, or "" when there is none."""
    if content_type and "html" not in content_type.lower():
        return ""
    head = body[:MAX_SEARCHED]
    found = _TITLE.search(_decoded(head, content_type))
    return " ".join(html.unescape(found[1]).split())[:MAX_TITLE] if found else ""


def _decoded(head: bytes, content_type: str) -> str:
    """Decode by the header's character set, else the page's own, else UTF-8."""
    stated = _CHARSET.search(content_type) or _CHARSET.search(head[:1024].decode("latin-1"))
    try:
        return head.decode(stated[1] if stated else "utf-8", "replace")
    except (LookupError, UnicodeError):
        return head.decode("utf-8", "replace")
