"""The access log: one line for each request, written when it is over.

Its records have ``client``, ``user``, ``by_token``, ``method``, ``path``, ``status``, ``bytes``,
``ms`` and ``request_id``, so a formatter of a project's own can make JSON of them.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from .http_connection import Request

logger = logging.getLogger("webapp.access")

NOTES: Final = "jobs.access_notes"
"""Where the application finds a dictionary for ``client``, ``user`` and ``by_token``."""
LEFT: Final = 499
"""Instead of a status, as nginx has it: the client went away before there was a response."""
_PLAIN: Final = "/:@!$&'()*,;=~+"


def log_access(
    request: Request | None, address: str, request_id: str, status: int, size: int
) -> None:
    """Write the line of a request.

    Args:
        request: None for one whose head could not be read.
        address: of the client, or of the proxy before us.
        request_id: its id.
        status: of the response; ``LEFT`` for none.
        size: bytes of the response's body that were made.
    """
    notes = {} if request is None or request.access_notes is None else request.access_notes
    environ: dict[str, Any] = {} if request is None else request.head.environ
    # As it came, but for its query: that can hold a link that signs in, or arguments of a job.
    path = quote(environ.get("PATH_INFO", "-").encode("latin-1"), safe=_PLAIN)
    client = notes.get("client") or address
    user = notes.get("user", "")
    method = environ.get("REQUEST_METHOD", "-")
    ms = 0.0 if request is None else 1000 * (time.monotonic() - request.begun_at)
    by_token = bool(notes.get("by_token"))
    shown = quote(user, safe="@+") + ("/token" if by_token else "")
    logger.info(
        '%s %s "%s %s" %d %d %.1f ms',
        *(client, shown or "-", method, path, status, size, ms),
        extra={
            "client": client,
            "user": user,
            "by_token": by_token,
            "method": method,
            "path": path,
            "status": status,
            "bytes": size,
            "ms": round(ms, 1),
            "request_id": request_id,
        },
    )
