"""Limits for a form that may bring files, in force before anything reads its body."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from jobs.conf import get_conf
from jobs.core import formatting
from jobs.errors import TooLarge
from jobs.web.forms.upload_handler import DiskUploadHandler

from .access import View, marked, message_page, user_of


def limit_uploads(view: View) -> View:
    """Decorate a view: a body over the limit gets 413, files are streamed to the disk.

    CSRF protection reads the form to find its token. It is applied inside, so that the limits are
    in force before: that is why the view is marked ``csrf_exempt``.
    """
    protected = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not user_of(request).is_authenticated:
            # They are sent to the sign-in page; the body is not read.
            return view(request, *args, **kwargs)
        if request.method == "POST":
            try:
                _read_body(request)
            except (TooLarge, RequestDataTooBig):
                return _too_large(request)
        return protected(request, *args, **kwargs)

    return marked(wrapped)


def _read_body(request: HttpRequest) -> None:
    conf = get_conf()
    if _content_length(request) > conf.max_upload + conf.max_body:
        raise TooLarge("form", conf.max_upload)
    handler = DiskUploadHandler(request)
    request.upload_handlers = [handler]
    try:
        request.POST  # noqa: B018  (reads and parses the body)
    except Exception:
        # The parser closes the files that were complete, not the one it was reading.
        handler.upload_interrupted()
        raise


def _content_length(request: HttpRequest) -> int:
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(text) if text.isdecimal() else 0


def _too_large(request: HttpRequest) -> HttpResponse:
    # The body is not read to its end, so nothing that is shown may ask for it again.
    request.POST = QueryDict()
    limit = formatting.filesize(get_conf().max_upload)
    return message_page(
        request,
        413,
        "That is too large",
        f"A form may bring {limit} of files. Nothing was kept of this one. "
        "Go back, and choose a smaller file.",
    )
