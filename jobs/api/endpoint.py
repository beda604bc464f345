"""An address of the API: picks the handler, identifies the caller, turns exceptions to problems."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from jobs.catalog.pointer import escape_pointer
from jobs.core.database_file import require_same_file
from jobs.core.lock_timeout import limited_lock_waits
from jobs.core.server_threads import requests_in_progress
from jobs.core.write_waits import serving

from .auth import require_caller, require_scope, require_unlimited
from .exception_handlers import invalid_members, problem_response
from .operations import ANY_NAME, body_type, rules_of
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


def endpoint(
    *, with_token: WithToken | None = None, takes_any_query: bool = False, **handlers: Handler
) -> View:
    """Return the view of an address for callers with a credential.

    Args:
        with_token: says, for a request and the parts of its path, what to read along with the
            caller's token.
        takes_any_query: a query with other names than those described is no error.
        handlers: for each method, in lower case, a function that takes the request, the
            ``Caller`` and the parts of the path, and returns a response or raises.
    """
    table = _table(handlers)
    rules = {method: rules_of(handler, method) for method, handler in table.items()}

    def dispatch(request: HttpRequest, path: dict[str, str]) -> HttpResponseBase:
        handler, asked = _handler(table, request), rules[request.method or ""]
        extra = None if with_token is None else with_token(request, path)
        caller = require_caller(request, extra)
        require_scope(caller, asked.scope)
        if asked.is_of_all_jobs:
            require_unlimited(caller)
        if not takes_any_query:
            require_known_names(request, asked.query_names)
        return handler(request, caller, **path)

    return _guarded(dispatch, table, handlers, is_open=False, takes_any_query=takes_any_query)


def open_endpoint(*, takes_any_query: bool = False, **handlers: Handler) -> View:
    """Return the view of an address for everyone; its handlers take no ``Caller``."""
    table = _table(handlers)
    rules = {method: rules_of(handler, method) for method, handler in table.items()}

    def dispatch(request: HttpRequest, path: dict[str, str]) -> HttpResponseBase:
        handler = _handler(table, request)
        if not takes_any_query:
            require_known_names(request, rules[request.method or ""].query_names)
        return handler(request, **path)

    return _guarded(dispatch, table, handlers, is_open=True, takes_any_query=takes_any_query)


def not_found_endpoint(detail: str = "There is nothing at this address.") -> View:
    """Return the view of all addresses below the API that are none of its own."""

    def dispatch(request: HttpRequest, path: dict[str, str]) -> HttpResponseBase:
        raise ApiError(NOT_FOUND, detail)

    return _guarded(dispatch, {}, {}, is_open=True)


def alias(view: View) -> View:
    """Return the same view for a second address, which the document does not describe."""

    @wraps(view)
    def second(request: HttpRequest, **path: str) -> HttpResponseBase:
        return view(request, **path)

    vars(second).pop("handlers")
    return second


def require_known_names(request: HttpRequest, known: frozenset[str]) -> None:
    """Refuse a query that has other names: a typing error would be as good as no filter.

    Raises:
        ApiError: 422, with each name.
    """
    if not request.META.get("QUERY_STRING"):
        return
    unknown = [name for name in request.GET if name not in known and not _is_one_of(name, known)]
    if unknown:
        names = f"Known: {', '.join(sorted(known))}." if known else "This call takes none."
        detail = f"There is no query parameter of this name. {names}"
        raise invalid_members(
            [{"pointer": f"/{escape_pointer(name)}", "detail": detail} for name in unknown]
        )


def _is_one_of(name: str, known: frozenset[str]) -> bool:
    """Whether a name is one of many that one parameter stands for, such as ``arg.NAME``."""
    group, point, rest = name.partition(".")
    return bool(point and rest) and f"{group}.{ANY_NAME}" in known


def _table(handlers: dict[str, Handler]) -> dict[str, Handler]:
    table = {method.upper(): handler for method, handler in handlers.items()}
    return {"HEAD": table["GET"], **table} if "GET" in table else table


def _allowed(table: dict[str, Handler]) -> str:
    return ", ".join(sorted({*table, "OPTIONS"}))


def _abilities(table: dict[str, Handler]) -> HttpResponse:
    """The response to OPTIONS: the methods, and the media types of bodies (RFC 9110, 9.3.7)."""
    response = HttpResponse(status=204, headers={"Allow": _allowed(table)})
    del response.headers["Content-Type"]
    for method, header in (("POST", "Accept-Post"), ("PATCH", "Accept-Patch")):
        if method in table and (body := body_type(table[method])):
            response.headers[header] = body
    return response


def _handler(table: dict[str, Handler], request: HttpRequest) -> Handler:
    handler = table.get(request.method or "")
    if handler is None:
        allowed = _allowed(table)
        raise ApiError(METHOD_NOT_ALLOWED, f"Use one of: {allowed}.", {"Allow": allowed})
    return handler


def _guarded(
    dispatch: Dispatch,
    table: dict[str, Handler],
    handlers: dict[str, Handler],
    *,
    is_open: bool,
    takes_any_query: bool = False,
) -> View:
    # Without a credential: a browser's or a proxy's question brings none.
    tells_methods = bool(table) and "OPTIONS" not in table

    def view(request: HttpRequest, **path: str) -> HttpResponseBase:
        try:
            if request.method == "OPTIONS" and tells_methods:
                return _abilities(table)
            with requests_in_progress, limited_lock_waits(), serving(request):
                if not is_open:
                    require_same_file()
                response = dispatch(request, path)
        except Exception as error:  # noqa: BLE001  (whatever it is, the response is a problem)
            response = problem_response(request, error)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return _without_body(response) if request.method == "HEAD" else response

    return _marked(view, handlers, is_open, takes_any_query)


def _without_body(response: HttpResponseBase) -> HttpResponseBase:
    """The response to HEAD. Some servers would send the body of a GET after it."""
    headers = {**response.headers}
    if isinstance(response, HttpResponse):
        headers.setdefault("Content-Length", str(len(response.content)))
    else:
        response.close()  # its file; of others it would only tell Django that the request is over
    return HttpResponse(status=response.status_code, headers=headers)


def _marked(view: Any, handlers: dict[str, Handler], is_open: bool, takes_any_query: bool) -> View:
    """Exempt the view from Django's middleware whose work is done here."""
    # For the OpenAPI document.
    view.handlers, view.is_open, view.takes_any_query = handlers, is_open, takes_any_query
    view.csrf_exempt = True  # checked for sessions, in ``auth``; a token needs none
    view.login_required = False  # LoginRequiredMiddleware would redirect a program to a form
    # A request's work is one statement; a transaction around it would hold SQLite's write lock
    # and, while a request waits for a job, would never see that job change.
    marked: View = transaction.non_atomic_requests(view)
    return marked
