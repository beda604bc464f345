"""JSON pointers (RFC 6901) into arguments."""

from __future__ import annotations


def escape_pointer(part: object) -> str:
    """Escape one step of a JSON pointer (RFC 6901, section 3)."""
    return str(part).replace("~", "~0").replace("/", "~1")
