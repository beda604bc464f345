"""The page of a database that cannot be used now."""

from __future__ import annotations

import logging
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from jobs.core.database_faults import one_line, reconnect_after, retry_after
from jobs.core.db import DATABASE_ERRORS
from jobs.core.rare_line import unusable_database
from jobs.core.rendering import render
from jobs.core.write_waits import note_error
from jobs.errors import Unavailable

logger = logging.getLogger("jobs")

_PAGE: Final[dict[str, Any]] = {
    "title": "Not available now",
    "text": ("The database is locked, read-only or away. Nothing is lost; try again in a moment."),
}
_NOBODY: Final[dict[str, Any]] = {"user": None, "messages": ()}


def database_away_page(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return a page that asks to try again later, with ``Retry-After``.

    Args:
        request: of the page that met the error.
        error: what was raised.

    Raises:
        Exception: the error itself, where trying again is no use.
    """
    seconds = retry_after(error)
    if seconds is None:
        raise error
    note_error(error)
    # The driver's message may name hosts and users: it is for the log alone.
    unusable_database.warn(logger, "The database cannot be used%s: %s", one_line(error))
    reconnect_after(error)
    return _page(request, _PAGE, seconds)


def unavailable_page(request: HttpRequest, error: Unavailable) -> HttpResponse:
    """Return a page that says why something cannot be done now, with ``Retry-After``."""
    return _page(request, {**_PAGE, "text": error.public}, error.retry_after)


def _page(request: HttpRequest, page: dict[str, Any], seconds: int) -> HttpResponse:
    try:
        response = render(request, "jobs/message.html", page, status=503)
    except DATABASE_ERRORS:  # who has signed in cannot be read either
        response = render(request, "jobs/message.html", {**page, **_NOBODY}, status=503)
    response.headers["Retry-After"] = str(seconds)
    return response
