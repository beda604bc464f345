"""Who sends a request: the user of a bearer token, or of the site's session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone

from jobs.core.credentials import Credential
from jobs.core.rights import has_right

from .problems import CSRF, INSUFFICIENT_SCOPE, UNAUTHENTICATED, ApiError
from .tokens import ExpiredToken, ExtraRead, find_holder, record_use

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CHALLENGE: Final = 'Bearer realm="jobdesk"'


@dataclass(frozen=True, slots=True)
class Caller:
    """The user of a request, and the token that identified them, None for a session.

    ``extra`` are the columns that were read along with the token, None without any.
    """

    user: AbstractBaseUser
    credential: Credential | None
    extra: tuple[Any, ...] | None = None

    @property
    def by_token(self) -> bool:
        """Whether a token identified them."""
        return self.credential is not None

    def has_right(self, right: str) -> bool:
        """Whether the user has a right of staff (``jobs.core.rights``)."""
        return has_right(self.user, right)


def identify(request: HttpRequest, extra: ExtraRead | None = None) -> Caller | None:
    """Return who sends the request, None without a credential.

    Args:
        request: the request.
        extra: what to read along with a token.

    Raises:
        ApiError: 401 for a token that is unknown or of an inactive user, 403 for a session's
            request without its CSRF token.
    """
    # Not ``request.headers``, which copies them all first.
    scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        return _by_token(text.strip(), extra)
    # Another scheme may be for a proxy in front of us: the session decides.
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    if request.method not in SAFE_METHODS:
        _require_csrf(request)
    return Caller(user, None)


def require_caller(request: HttpRequest, extra: ExtraRead | None = None) -> Caller:
    """Return who sends the request.

    Args:
        request: the request.
        extra: what to read along with a token.

    Raises:
        ApiError: as ``identify``, and 401 without a credential.
    """
    caller = identify(request, extra)
    request.caller = caller  # type: ignore[attr-defined]  # for an access log
    if caller is None:
        raise ApiError(
            UNAUTHENTICATED,
            "Send the header Authorization: Bearer TOKEN, or sign in on the site.",
            {"WWW-Authenticate": CHALLENGE},
        )
    return caller


def _by_token(text: str, extra: ExtraRead | None) -> Caller:
    now = timezone.now()
    try:
        holder = find_holder(text, now, extra)
    except ExpiredToken:
        raise _invalid_token("This token has expired.") from None
    if holder is None:
        raise _invalid_token("This token is not known, or its user is not active.")
    record_use(holder, now)
    return Caller(holder.user, holder.credential, holder.extra)


def _invalid_token(detail: str) -> ApiError:
    headers = {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'}
    return ApiError(UNAUTHENTICATED, detail, headers)


def require_scope(caller: Caller, scope: str) -> None:
    """Check that the token of a request, if it has one, has a scope; "" asks for none.

    Raises:
        ApiError: 403 (RFC 6750, section 3.1), it lacks it.
    """
    credential = caller.credential
    if credential is None or not scope or credential.has_scope(scope):
        return
    has = " ".join(sorted(credential.scopes or ()))
    raise ApiError(
        INSUFFICIENT_SCOPE,
        f"This call needs a token with the scope {scope!r}; this one has: {has}.",
        {"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'},
    )


def require_unlimited(caller: Caller) -> None:
    """Check that the token of a request, if it has one, is not limited to some jobs.

    Raises:
        ApiError: 403, it is.
    """
    if caller.credential is not None and caller.credential.is_limited:
        detail = "This call is of all your jobs: this token is limited to some."
        raise ApiError(INSUFFICIENT_SCOPE, detail)


class _Csrf(CsrfViewMiddleware):
    """Django's check; it returns the reason of a refusal instead of a page."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _never_called(request: HttpRequest) -> HttpResponse:
    """What the check would call next if it were a middleware here."""
    return HttpResponse()


def _require_csrf(request: HttpRequest) -> None:
    # Only the header counts. Django looks into a form first, which would read a body of any size.
    request.POST = QueryDict()
    # Our pages send this header, whatever name the project has for it.
    usual = request.META.get("HTTP_X_CSRFTOKEN", "")
    request.META.setdefault(settings.CSRF_HEADER_NAME, usual)
    check = _Csrf(_never_called)
    check.process_request(request)
    reason = check.process_view(request, _never_called, (), {})
    if reason is not None:
        where = "csrfmiddlewaretoken of a page's form"
        if not settings.CSRF_USE_SESSIONS:
            where = f"cookie {settings.CSRF_COOKIE_NAME}"
        raise ApiError(CSRF, f"{reason} Send the value of the {where} as the header X-CSRFToken.")
