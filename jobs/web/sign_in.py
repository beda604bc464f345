"""Signing in by name and password, for projects that have no page of their own for it.

A project's own page (``LOGIN_URL``) comes first: it may ask for more than a password.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import Resolver404, get_script_prefix, resolve, reverse

from jobs.core.db import DATABASE_ERRORS

from .database_away import database_away_page
from .sign_in_limits import limit_sign_ins


def sign_in_url() -> str:
    """Return the address of the sign-in page: ``LOGIN_URL``, or ours where that is not set.

    Django's default for it, ``/accounts/login/``, counts where the project has a page there.
    """
    usual = settings.LOGIN_URL
    is_chosen: bool = settings.is_overridden("LOGIN_URL")  # type: ignore[misc]  # no stub has it
    if is_chosen:
        return resolve_url(usual)
    if _is_page(usual):
        # Found below the path prefix, which Django's default does not begin with.
        return f"{get_script_prefix().rstrip('/')}{usual}"
    return reverse("jobs:sign-in") if apps.is_installed("django.contrib.auth") else str(usual)


def _is_page(address: str) -> bool:
    try:
        match = resolve(address)
    except Resolver404:
        return False
    # A pattern that captures the address takes any (a CMS): it need not have a page there.
    return not (match.args or match.kwargs)


def redirect_to_sign_in(request: HttpRequest) -> HttpResponseRedirect:
    """Return a redirect to the sign-in page, which leads back here."""
    address = sign_in_url()
    query = QueryDict(mutable=True)
    query[REDIRECT_FIELD_NAME] = request.get_full_path()
    joint = "&" if "?" in address else "?"
    return HttpResponseRedirect(f"{address}{joint}{query.urlencode(safe='/')}")


def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Show our sign-in page, unless the project has one."""
    # Late: Django's form needs the app django.contrib.auth, which a project may be without.
    from .views.sign_in import SignIn

    ours = reverse("jobs:sign-in")
    usual = sign_in_url()
    if usual != ours and request.path == ours:
        return HttpResponseRedirect(usual)
    view: Any = limit_sign_ins(SignIn.as_view())
    try:
        response: HttpResponseBase = view(request)
    except DATABASE_ERRORS as error:
        return database_away_page(request, error)
    return response


sign_in.login_required = False  # type: ignore[attr-defined]  # for LoginRequiredMiddleware
