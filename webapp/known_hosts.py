"""A wrong Host at the API: a problem, where Django would respond with a page."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseBase

from jobs.api.exception_handlers import problem_response

_logger: Final = logging.getLogger("django.security.DisallowedHost")


def refuse_other_hosts(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: 400 to a request to the API whose Host is none of ``ALLOWED_HOSTS``.

    It belongs before Django's middleware, which looks at the Host as well.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not f"{request.path_info}/".startswith("/api/"):
            return get_response(request)
        try:
            request.get_host()
        except DisallowedHost as error:
            # As Django logs it.
            _logger.error(
                str(error), exc_info=error, extra={"status_code": 400, "request": request}
            )
            return problem_response(request, error)
        return get_response(request)

    return middleware
