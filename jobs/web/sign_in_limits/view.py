"""A view that checks or sets a password, within limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from jobs.core.rendering import render
from jobs.core.server_threads import max_waiting

from .attempt import Attempt, attempt_of, normalized
from .known_browser import remember_browser
from .seats import seats

View = Callable[..., HttpResponseBase]

BUSY_SECONDS: Final = 3
"""When to tell a browser to try again where too many people sign in at once."""
_TOO_MANY: Final = (
    "There were too many failed attempts with this name, or from this address. Try again in {}. "
    "From a browser in which you have signed in before, you still can."
)
_BUSY: Final = (
    "Too many people sign in or set a password at this moment. Try again in a few seconds."
)


def limit_sign_ins(view: View) -> View:
    """Decorate a view that checks a password: its POST is counted, by account and by address.

    It is for ``LoginView`` and its like, which redirect after a right password and show their form
    again after a wrong one: the admin's ``login`` and ``password_change``, a page of the project's.
    Passwords are checked by few threads of a process at once.

    Returns:
        A view that answers 429 where there were too many failures, 503 where all seats for checking
        passwords are taken, both with ``Retry-After``, and what ``view`` answers otherwise.
    """

    @wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        attempt = attempt_of(request, _name(request), time.time())
        seconds = attempt.begin()
        if seconds is not None:
            text = _TOO_MANY.format(_minutes(seconds))
            return _refusal(request, 429, "Too many attempts", text, seconds)
        return _checked(request, attempt, lambda: view(request, *args, **kwargs))

    return limited


def limit_hashing(view: View) -> View:
    """Decorate a view that sets somebody else's password: its POST takes one of the seats.

    Nothing is counted: whoever may set a password has none to guess. It is for the admin's
    ``user_change_password`` and the ``add_view`` of users.

    Returns:
        A view that answers 503 with ``Retry-After`` where all seats are taken, and what ``view``
        answers otherwise.
    """

    @wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with _seat(request) as refusal:
            return view(request, *args, **kwargs) if refusal is None else refusal

    return limited


@contextmanager
def _seat(request: HttpRequest) -> Iterator[HttpResponse | None]:
    """Take a seat for the block; yields the response to give where none becomes free."""
    with seats.seat(max(1, max_waiting(request))) as free:
        yield None if free else _refusal(request, 503, "Not available now", _BUSY, BUSY_SECONDS)


def _checked(
    request: HttpRequest, attempt: Attempt, respond: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    failed = False
    try:
        with _seat(request) as refusal:
            if refusal is not None:
                return refusal
            response = respond()
        failed = response.status_code not in {302, 303}
    finally:
        if not failed:
            attempt.give_back()
    user = getattr(request, "user", None)
    if not failed and user is not None and user.is_authenticated:
        # Its own name, not the one that was typed: who is signed in is led on whatever they typed.
        remember_browser(request, response, normalized(str(user.get_username())))
    return response


def _name(request: HttpRequest) -> str:
    """What was typed; where a form asks for the password alone, whose it is."""
    typed = request.POST.get("username")
    user = getattr(request, "user", None)
    return typed or (str(user.get_username()) if user is not None else "")


def _minutes(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def _refusal(
    request: HttpRequest, status: int, title: str, text: str, seconds: int
) -> HttpResponse:
    page = {"title": title, "text": text}
    response = render(request, "jobs/message.html", page, status=status)
    response.headers["Retry-After"] = str(seconds)
    response.headers["Cache-Control"] = "private, no-cache"
    return response
