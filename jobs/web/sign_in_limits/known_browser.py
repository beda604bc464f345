"""A cookie that says: from this browser this account has signed in before.

Attempts with it are counted by themselves. Without it, somebody who sends wrong passwords for an
account all day would keep its owner out (OWASP, "Slow Down Online Guessing Attacks with Device
Cookies").
"""

from __future__ import annotations

import secrets
from typing import Final

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

COOKIE: Final = "jobs_known_browser"
SALT: Final = "jobs.known_browser"
MAX_AGE: Final = 180 * 24 * 3600
"""Seconds for which a browser that is not used to sign in is known."""


def known_browser(request: HttpRequest, account: str) -> str | None:
    """Return the random name of a browser from which this account has signed in, else None.

    Args:
        request: may bring the cookie.
        account: as ``normalized`` returns it.
    """
    try:
        value = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=MAX_AGE)
        owner, name = value
    except (signing.BadSignature, TypeError, ValueError):
        return None
    return str(name) if owner == account else None


def remember_browser(request: HttpRequest, response: HttpResponseBase, account: str) -> None:
    """Set the cookie, after this account has signed in."""
    name = known_browser(request, account) or secrets.token_urlsafe(12)
    response.set_cookie(
        COOKIE,
        signing.dumps([account, name], salt=SALT),
        max_age=MAX_AGE,
        path=settings.SESSION_COOKIE_PATH,
        domain=settings.SESSION_COOKIE_DOMAIN,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
