"""Who asks: a bearer token, or the session of the site."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.http import HttpRequest, HttpResponse, QueryDict
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone

from .problems import CSRF, UNAUTHENTICATED, ApiError
from .tokens import find_holder, note_use

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

SAFE: Final = frozenset({"GET", "HEAD"})
CHALLENGE: Final = 'Bearer realm="jobdesk"'


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is, and whether a token says so."""

    user: AbstractBaseUser
    by_token: bool
    job: tuple[Any, int, str] | None = None
    """Owner, version and status of the request's job, seen as the token was looked up."""

    @property
    def is_staff(self) -> bool:
        """Whether the user may see everything."""
        return bool(getattr(self.user, "is_staff", False))


def identify(request: HttpRequest, job: uuid.UUID | None = None) -> Caller | None:
    """Return who asks, None for nobody in particular.

    Args:
        job: a job to look at along with a token.

    Raises:
        ApiError: 401 for a token that is not good, 403 for a session's request without its CSRF
            token.
    """
    # Not ``request.headers``, which copies them all first.
    scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        return _by_token(text.strip(), job)
    # Another scheme may be for a proxy in front of us: the session decides.
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    if request.method not in SAFE:
        _require_csrf(request)
    return Caller(user, by_token=False)


def require_caller(request: HttpRequest, job: uuid.UUID | None = None) -> Caller:
    """Return who asks.

    Args:
        job: a job to look at along with a token.

    Raises:
        ApiError: nobody does, or not with a good credential.
    """
    caller = identify(request, job)
    if caller is None:
        raise ApiError(
            UNAUTHENTICATED,
            "Send the header Authorization: Bearer TOKEN, or sign in on the site.",
            {"WWW-Authenticate": CHALLENGE},
        )
    return caller


def _by_token(text: str, job: uuid.UUID | None) -> Caller:
    now = timezone.now()
    holder = find_holder(text, now, job)
    if holder is None:
        raise ApiError(
            UNAUTHENTICATED,
            "This token is not known, or its user is not active.",
            {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'},
        )
    note_use(holder, now)
    return Caller(holder.user, by_token=True, job=holder.job)


class _Csrf(CsrfViewMiddleware):
    """Django's check, with the reason as its answer instead of a page."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _unused(request: HttpRequest) -> HttpResponse:
    """Where the check would go on to, were it a middleware here."""
    return HttpResponse()


def _require_csrf(request: HttpRequest) -> None:
    # Only the header counts. Django looks into a form first, which would read a body of any size.
    request.POST = QueryDict()
    check = _Csrf(_unused)
    check.process_request(request)
    reason = check.process_view(request, _unused, (), {})
    if reason is not None:
        raise ApiError(
            CSRF, f"{reason} Send the value of the cookie csrftoken as the header X-CSRFToken."
        )
