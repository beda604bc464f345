"""Pages that are not Jobdesk's own (sign-in, the admin) while the database cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from jobs.core.database_faults import retry_after
from jobs.web.database_away import database_away_page


def explain_database_faults(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: a database that is locked, read-only or away is a 503, not our fault."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        return None if retry_after(error) is None else database_away_page(request, error)

    explained: Any = middleware
    explained.process_exception = process_exception
    return middleware
