"""An address of the API: picks the handler, identifies the caller, turns exceptions to problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from jobs.core.database_file import require_same_file
from jobs.core.lock_timeout import limited_lock_waits
from jobs.core.server_threads import requests_in_progress
from jobs.core.write_waits import serving

from .auth import require_caller
from .exception_handlers import problem_response
from .problems import METHOD_NOT_ALLOWED, NOT_FOUND, ApiError
from .tokens import ExtraRead

View = Callable[..., HttpResponseBase]
Handler = Callable[..., HttpResponseBase]
Dispatch = Callable[[HttpRequest, dict[str, str]], HttpResponseBase]
WithToken = Callable[[HttpRequest, dict[str, str]], ExtraRead | None]

HEADERS: Final = {
    # A response depends on who sends the request: no cache between may keep it.
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization, Cookie, Prefer",
    "X-Content-Type-Options": "nosniff",
}


def endpoint(*, with_token: WithToken | None = None, **handlers: Handler) -> View:
    """Return the view of an address for callers with a credential.

    Args:
        with_token: says, for a request and the parts of its path, what to read along with the
            caller's token.
        handlers: for each method, in lower case, a function that takes the request, the
            ``Caller`` and the parts of the path, and returns a response or raises.
    """
    table = _table(handlers)

    def dispatch(request: HttpRequest, path: dict[str, str]) -> HttpResponseBase:
        handler = _handler(table, request)
        extra = None if with_token is None else with_token(request, path)
        return handler(request, require_caller(request, extra), **path)

    return _guarded(dispatch, handlers, is_open=False)


def open_endpoint(**handlers: Handler) -> View:
    """Return the view of an address for everyone; its handlers take no ``Caller``."""
    table = _table(handlers)

    def dispatch(request: HttpRequest, path: dict[str, str]) -> HttpResponseBase:
        return _handler(table, request)(request, **path)

    return _guarded(dispatch, handlers, is_open=True)


def not_found_endpoint() -> View:
    """Return the view of all addresses below the API that are none of its own."""

    def dispatch(request: HttpRequest, path: dict[str, str]) -> HttpResponseBase:
        raise ApiError(NOT_FOUND, "There is nothing at this address.")

    return _guarded(dispatch, {}, is_open=True)


def _table(handlers: dict[str, Handler]) -> dict[str, Handler]:
    table = {method.upper(): handler for method, handler in handlers.items()}
    return {**table, "HEAD": table["GET"]} if "GET" in table else table


def _handler(table: dict[str, Handler], request: HttpRequest) -> Handler:
    handler = table.get(request.method or "")
    if handler is None:
        allowed = ", ".join(sorted(table))
        raise ApiError(METHOD_NOT_ALLOWED, f"Use one of: {allowed}.", {"Allow": allowed})
    return handler


def _guarded(dispatch: Dispatch, handlers: dict[str, Handler], *, is_open: bool) -> View:
    def view(request: HttpRequest, **path: str) -> HttpResponseBase:
        try:
            with requests_in_progress, limited_lock_waits(), serving(request):
                if not is_open:
                    require_same_file()
                response = dispatch(request, path)
        except Exception as error:  # noqa: BLE001  (whatever it is, the response is a problem)
            response = problem_response(request, error)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return _without_body(response) if request.method == "HEAD" else response

    return _marked(view, handlers, is_open)


def _without_body(response: HttpResponseBase) -> HttpResponseBase:
    """The response to HEAD. Some servers would send the body of a GET after it."""
    headers = {**response.headers}
    if isinstance(response, HttpResponse):
        headers["Content-Length"] = str(len(response.content))
    else:
        response.close()  # its file; of others it would only tell Django that the request is over
    return HttpResponse(status=response.status_code, headers=headers)


def _marked(view: Any, handlers: dict[str, Handler], is_open: bool) -> View:
    """Exempt the view from Django's middleware whose work is done here."""
    view.handlers, view.is_open = handlers, is_open  # for the OpenAPI document
    view.csrf_exempt = True  # checked for sessions, in ``auth``; a token needs none
    view.login_required = False  # LoginRequiredMiddleware would redirect a program to a form
    # A request's work is one statement; a transaction around it would hold SQLite's write lock
    # and, while a request waits for a job, would never see that job change.
    marked: View = transaction.non_atomic_requests(view)
    return marked
