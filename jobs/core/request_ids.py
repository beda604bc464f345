"""The id of a request: in its response, in the log, and in the jobs that it submits.

A project puts ``jobs.api.request_ids.identify_requests`` before its other middleware. While a
request is handled, or an attempt of a job that it has submitted runs, ``current_request_id``
returns its id, in the threads and coroutines that inherit the context.
"""

from __future__ import annotations

import logging
import os
import random
import re
from contextvars import ContextVar
from typing import Final

HEADER: Final = "X-Request-Id"
ENVIRON_KEY: Final = "HTTP_X_REQUEST_ID"
"""The header in a WSGI environment."""
MOST_CHARACTERS: Final = 128
_ALLOWED: Final = re.compile(rf"[A-Za-z0-9._~:@=+/-]{{1,{MOST_CHARACTERS}}}")
"""What UUIDs, hashes, base64 and the ids of the usual proxies are made of. Nothing of it ends a
line, a field of a header or a text in quotes."""

# Of its own: a project may seed that of the module. The ids are no secrets.
_random: Final = random.Random()  # noqa: S311
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)
_current: ContextVar[str] = ContextVar("jobs_request_id", default="")
current_request_id = _current.get
"""Return the id of the request that is handled here, or of the one that has submitted the job that
runs here; "" for none."""
set_request_id = _current.set
"""Set it; return a token for ``reset_request_id``."""
reset_request_id = _current.reset


def new_request_id() -> str:
    """Return an id that no other request has: 32 hexadecimal digits.

    It is no secret, and need not cost a call of the system.
    """
    return f"{_random.getrandbits(128):032x}"


def accepted_request_id(given: str | None) -> str:
    """Return the id that a client or a proxy has given, or a new one if it gave none that is fit.

    Fit are up to 128 characters out of ``A-Z a-z 0-9 . _ ~ : @ = + / -``.
    """
    return given if given and _ALLOWED.fullmatch(given) else new_request_id()


def request_id_of(record: logging.LogRecord) -> str:
    """Return the id of the request that a log record is about; "" for none.

    Django logs the status of a response when the middleware is over: then the record has its
    request.
    """
    found = getattr(record, "request_id", "") or current_request_id()
    return str(found or getattr(getattr(record, "request", None), "request_id", ""))


class RequestIdFilter(logging.Filter):
    """Gives each record ``request_id``, for the formatters of a project. It lets all pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id."""
        record.request_id = request_id_of(record)
        return True
