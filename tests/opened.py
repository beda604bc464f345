"""Opening URLs of servers under test: an answer that is an error fails with what it says."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPResponse
from typing import Any


def open_url(
    request: str | urllib.request.Request,
    *,
    timeout: float = 30.0,
    opener: urllib.request.OpenerDirector | None = None,
) -> HTTPResponse:
    """Open a URL; the caller closes what is returned.

    An ``HTTPError`` is an open file. Raised in a test, it would be kept by the traceback until some
    later test, which would fail by the warning that it was never closed.

    Raises:
        AssertionError: the status is no success; with the beginning of the body.
    """
    opens: Any = urllib.request.urlopen if opener is None else opener.open
    try:
        response: HTTPResponse = opens(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            body = error.read(2000).decode("utf-8", "replace")
        raise AssertionError(f"{error.code} {error.reason} for {error.url}: {body}") from None
    return response
