"""Pages that are not Jobdesk's own (sign-in, the admin) while the database cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from jobs.api.auth import SAFE_METHODS
from jobs.core.database_faults import retry_after
from jobs.core.write_waits import limited_write_waits, serving
from jobs.errors import Unavailable
from jobs.web.database_away import database_away_page, unavailable_page


def explain_database_faults(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: a database that is locked, read-only or away is a 503, not our fault."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        # The API limits its own waits, and explains them in JSON.
        if request.method in SAFE_METHODS or request.path_info.startswith("/api/"):
            return get_response(request)
        try:
            with serving(request), limited_write_waits():
                return get_response(request)
        except Unavailable as error:
            return unavailable_page(request, error)

    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        return None if retry_after(error) is None else database_away_page(request, error)

    explained: Any = middleware
    explained.process_exception = process_exception
    return middleware
