"""Entity tags (RFC 9110, 8.8.3)."""

from __future__ import annotations

from django.utils.http import parse_etags


def matches(known: str, etag: str) -> bool:
    """Whether ``If-None-Match`` names a tag, by the weak comparison."""
    # Most pollers send exactly the tag they got: nothing has to be parsed then.
    return known == etag or any(
        one == "*" or one.removeprefix("W/") == etag for one in parse_etags(known)
    )
