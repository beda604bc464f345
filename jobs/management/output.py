"""Standard output that takes any character."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def any_character() -> Iterator[None]:
    """Within it, a character that the encoding lacks is printed as ``\\u4f5c``: it ends no command.

    Where output goes into a file or a pipe, Windows has an encoding of 256 or of some thousand
    characters (cp1252, cp936). Standard error does so by itself.
    """
    out = sys.stdout
    if not isinstance(out, io.TextIOWrapper) or not _refuses_characters(out):
        yield
        return
    errors = out.errors
    out.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        if not out.closed:
            out.reconfigure(errors=errors)


def _refuses_characters(out: io.TextIOWrapper) -> bool:
    # On Windows the errors are always "surrogateescape", which refuses characters as "strict" does.
    # With UTF-8 it refuses none, and gives back names of files that are no text as they are.
    is_unicode = out.encoding.lower().startswith("utf")
    return out.errors == "strict" or (out.errors == "surrogateescape" and not is_unicode)
