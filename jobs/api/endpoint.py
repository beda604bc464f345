"""One address of the API: who asks, with which method, and errors as problems."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from jobs.lifecycle import limited_lock_waits

from .auth import require_caller
from .exception_handlers import problem_response
from .problems import METHOD_NOT_ALLOWED, NOT_FOUND, ApiError

View = Callable[..., HttpResponseBase]
Handler = Callable[..., HttpResponseBase]
Answer = Callable[[HttpRequest, dict[str, str]], HttpResponseBase]

HEADERS: Final = {
    # What one sees depends on who asks: no cache between may keep it.
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization, Cookie",
    "X-Content-Type-Options": "nosniff",
}


def endpoint(**handlers: Handler) -> View:
    """Return the view of an address for signed-in callers.

    Args:
        handlers: for each method, in small letters, a function that takes the request, the
            ``Caller`` and the parts of the path, and answers or raises.
    """
    table = _table(handlers)

    def answer(request: HttpRequest, path: dict[str, str]) -> HttpResponseBase:
        handler = _chosen(table, request)
        return handler(request, require_caller(request, _polled(request, path)), **path)

    return _guarded(answer, table)


def open_endpoint(**handlers: Handler) -> View:
    """Return the view of an address for everyone; its handlers take no ``Caller``."""
    table = _table(handlers)

    def answer(request: HttpRequest, path: dict[str, str]) -> HttpResponseBase:
        return _chosen(table, request)(request, **path)

    return _guarded(answer, table)


def nothing_here() -> View:
    """Return the view of all the addresses that lead nowhere."""

    def answer(request: HttpRequest, path: dict[str, str]) -> HttpResponseBase:
        raise ApiError(NOT_FOUND, "There is nothing at this address.")

    return _guarded(answer, {})


def _table(handlers: dict[str, Handler]) -> dict[str, Handler]:
    table = {method.upper(): handler for method, handler in handlers.items()}
    return {**table, "HEAD": table["GET"]} if "GET" in table else table


def _chosen(table: dict[str, Handler], request: HttpRequest) -> Handler:
    handler = table.get(request.method or "")
    if handler is None:
        allowed = ", ".join(sorted(table))
        raise ApiError(METHOD_NOT_ALLOWED, f"Use one of: {allowed}.", {"Allow": allowed})
    return handler


def _polled(request: HttpRequest, path: dict[str, str]) -> uuid.UUID | None:
    """The job of a request that wants to hear whether it has changed."""
    if "HTTP_IF_NONE_MATCH" not in request.META:
        return None
    try:
        return uuid.UUID(path.get("job_id", ""))
    except ValueError:
        return None  # the handler says what is wrong, once it is known who asks


def _guarded(answer: Answer, table: dict[str, Handler]) -> View:
    def view(request: HttpRequest, **path: str) -> HttpResponseBase:
        try:
            with limited_lock_waits():
                response = answer(request, path)
        except Exception as error:  # noqa: BLE001  (whatever it is, the answer is a problem)
            response = problem_response(request, error)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return _without_body(response) if request.method == "HEAD" else response

    return _marked(view, sorted(table))


def _without_body(response: HttpResponseBase) -> HttpResponseBase:
    """The answer to HEAD. Some servers would send the body of a GET after it."""
    headers = {**response.headers}
    if isinstance(response, HttpResponse):
        headers["Content-Length"] = str(len(response.content))
    response.close()
    return HttpResponse(status=response.status_code, headers=headers)


def _marked(view: Any, methods: list[str]) -> View:
    """Tell Django's middleware that the view looks after itself."""
    view.methods = methods  # for the test that holds the documentation to the addresses
    view.csrf_exempt = True  # checked for sessions, in ``auth``; a token needs none
    view.login_required = False  # LoginRequiredMiddleware would send a program to a form
    # A request's work is one statement; a transaction around it would hold SQLite's write lock
    # and, while a request waits for a job, would never see that job change.
    marked: View = transaction.non_atomic_requests(view)
    return marked
