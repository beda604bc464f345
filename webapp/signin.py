"""Signing in: by name and password, or once by a link that `manage.py up` prints."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from jobs.web.views import sign_in as jobs_sign_in

SALT = "webapp.signin"
MAX_AGE = 24 * 3600  # seconds; the link stays visible in a terminal
USED = "This link has been used already, or someone has signed in since it was made."
EXPIRED = "This link is older than a day."
WRONG = "This link is not one of ours, or not all of it was copied."


class InvalidLink(Exception):
    """The link does not sign anyone in; the message says why."""


def make_token(user: User) -> str:
    """Return a token that signs this user in once, until the next sign-in or for a day.

    Nothing is stored: the token has the time of the user's last sign-in, which its use changes.
    """
    return signing.dumps({"user": user.pk, "last": _isoformat(user.last_login)}, salt=SALT)


def redeem(token: str, now: datetime) -> User:
    """Return the user that the token signs in; it can't be used again.

    Raises:
        InvalidLink: it is wrong, too old or used.
    """
    user, last_login = _read(token)
    # Compare-and-set: of two requests at the same instant with the same link, one signs in.
    unchanged = User.objects.filter(pk=user.pk, is_active=True, last_login=last_login)
    if last_login is None:
        unchanged = User.objects.filter(pk=user.pk, is_active=True, last_login__isnull=True)
    is_current = _isoformat(user.last_login) == _isoformat(last_login)
    if not is_current or not unchanged.update(last_login=now):
        raise InvalidLink(USED)
    return user


def _read(token: str) -> tuple[User, datetime | None]:
    try:
        payload = signing.loads(token, salt=SALT, max_age=MAX_AGE)
        last_login = payload["last"] and datetime.fromisoformat(payload["last"])
        return User.objects.get(pk=payload["user"]), last_login
    except signing.SignatureExpired:
        raise InvalidLink(EXPIRED) from None
    except (signing.BadSignature, User.DoesNotExist):
        raise InvalidLink(WRONG) from None


def _isoformat(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


class SignIn(jobs_sign_in.SignIn):
    """The sign-in page; with ``?token=`` it signs in at once."""

    template_name = "registration/sign-in.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Try the link first. The form shows why a link failed."""
        token = request.GET.get("token")
        if token and request.method == "GET" and not request.user.is_authenticated:
            try:
                user = redeem(token, timezone.now())
            except InvalidLink as error:
                self.extra_context = {"refused": str(error)}
            else:
                login(request, user, backend="django.contrib.auth.backends.ModelBackend")
                return redirect(self.get_success_url())  # a `next` elsewhere is ignored there
        return super().dispatch(request, *args, **kwargs)
