"""No token over plain HTTP, where the site is reached by HTTPS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from jobs.api.auth import SAFE_METHODS
from jobs.api.problems import HTTPS_REQUIRED, ApiError

DETAIL: Final = (
    "This site is reached by HTTPS alone: begin the address with https://. What came with this "
    "request can have been read on its way: if there was a token, delete it and issue another one."
)


def refuse_plain_http(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: refuse a request to the API that came by plain HTTP (403), before its token is
    looked at.

    A redirect is no use to a program: a POST would become a GET, and a client that follows
    redirects would go on sending its token in the clear. What brings no token and only reads, as
    somebody who types an address, is redirected by Django. Probes ask a process directly, and
    Prometheus brings a token then: that is answered, unless a proxy says that it came by plain
    HTTP.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if settings.SECURE_SSL_REDIRECT and not request.is_secure() and _is_refused(request):
            return ApiError(HTTPS_REQUIRED, DETAIL).response()
        return get_response(request)

    return middleware


def _is_refused(request: HttpRequest) -> bool:
    brings_token = "HTTP_AUTHORIZATION" in request.META
    if request.path_info == "/metrics":
        return brings_token and "HTTP_X_FORWARDED_PROTO" in request.META
    is_api = request.path_info.startswith("/api/")
    return is_api and (brings_token or request.method not in SAFE_METHODS)
