"""Signing in: by name and password, or once by a link that `manage.py up` prints."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

SALT = "webapp.signin"
MAX_AGE = 24 * 3600  # seconds; the link lies in a terminal, and often in its scroll-back
USED = "This link has been used already, or someone has signed in since it was made."
EXPIRED = "This link is older than a day."
WRONG = "This link is not one of ours, or not all of it was copied."


class LinkRefused(Exception):
    """The link does not sign anyone in; the message says why."""


def make_token(user: User) -> str:
    """Return a token that signs this user in once, until the next sign-in or for a day.

    Nothing is stored: the token names the user's last sign-in, which using it moves on.
    """
    return signing.dumps({"user": user.pk, "last": _stamp(user.last_login)}, salt=SALT)


def redeem(token: str, now: datetime) -> User:
    """Return the user that the token signs in, and spend it.

    Raises:
        LinkRefused: it is wrong, too old or spent.
    """
    user, last = _read(token)
    # Compare-and-set: of two that come at the same instant with the same link, one gets in.
    unchanged = User.objects.filter(pk=user.pk, is_active=True, last_login=last)
    if last is None:
        unchanged = User.objects.filter(pk=user.pk, is_active=True, last_login__isnull=True)
    if _stamp(user.last_login) != _stamp(last) or not unchanged.update(last_login=now):
        raise LinkRefused(USED)
    return user


def _read(token: str) -> tuple[User, datetime | None]:
    try:
        said = signing.loads(token, salt=SALT, max_age=MAX_AGE)
        last = said["last"] and datetime.fromisoformat(said["last"])
        return User.objects.get(pk=said["user"]), last
    except signing.SignatureExpired:
        raise LinkRefused(EXPIRED) from None
    except (signing.BadSignature, User.DoesNotExist):
        raise LinkRefused(WRONG) from None


def _stamp(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


class SignInForm(AuthenticationForm):
    """Name and password, with the refusals in our words."""

    error_messages = {
        "invalid_login": "This name and this password do not go together. Capital letters count.",
        "inactive": "This user may not sign in any more.",
    }


class SignIn(LoginView):
    """The sign-in page; with ``?token=`` it signs in at once."""

    authentication_form = SignInForm
    template_name = "registration/sign-in.html"
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Try the link first. A link that fails leads to the form and says why."""
        token = request.GET.get("token")
        if token and request.method == "GET" and not request.user.is_authenticated:
            try:
                user = redeem(token, timezone.now())
            except LinkRefused as refused:
                self.extra_context = {"refused": str(refused)}
            else:
                login(request, user, backend="django.contrib.auth.backends.ModelBackend")
                return redirect(self.get_success_url())  # a `next` elsewhere is ignored there
        return super().dispatch(request, *args, **kwargs)

    def get_redirect_url(self, *args: Any, **kwargs: Any) -> str:
        """Return a safe ``next``, unless it leads back here and so round in circles."""
        url: str = super().get_redirect_url(*args, **kwargs)
        return "" if url.startswith(self.request.path) else url
