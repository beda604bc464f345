"""How large the form of a page may be, before anything of it is read.

Django's protection against forged requests looks for its token in the form, so it reads a form, and
the files in it, before a view can ask who sends it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.urls import is_valid_path

from jobs.core import formatting
from jobs.web.access import message_page

STRANGERS: Final = 64 * 1024
"""Bytes of a form from somebody who has not signed in: a name and a password."""


class LimitForms:
    """Middleware: 413 to a form that is too large, 411 to one of unknown length.

    It belongs before Django's CsrfViewMiddleware. Views that are exempt from that (the API, and the
    pages that take files) have limits of their own, after they know who sends the request.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Read nothing of a large form that is for no page: Django's page 404 would."""
        if _is_large(request) and not is_valid_path(request.path_info):
            request.POST = QueryDict()
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_: Any
    ) -> HttpResponseBase | None:
        """Return the refusal of a form, None for one that may be read."""
        if request.method in {"GET", "HEAD"} or getattr(view, "csrf_exempt", False):
            return None
        if not _is_large(request):
            return None
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return message_page(
                request,
                411,
                "How large is that?",
                "A form must say how long it is, by the header Content-Length.",
            )
        length, limit = _length(request), STRANGERS
        if request.user.is_authenticated:
            limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or length
        if length <= limit:
            return None
        return message_page(
            request,
            413,
            "That is too large",
            f"This form may have {formatting.filesize(limit)}. Nothing was kept of it.",
        )


def _length(request: HttpRequest) -> int:
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(text) if text.isdecimal() else 0


def _is_large(request: HttpRequest) -> bool:
    return _length(request) > STRANGERS or "HTTP_TRANSFER_ENCODING" in request.META
