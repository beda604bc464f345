"""A request that Django refuses before a view sees it: a problem at the API, a page elsewhere."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.views import defaults

from jobs.api.exception_handlers import problem_response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return the response to a wrong Host and the like; Django has logged it."""
    if f"{request.path_info}/".startswith("/api/"):
        return problem_response(request, exception)
    return defaults.bad_request(request, exception)
