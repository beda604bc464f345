"""Signing out, for projects that have no address of their own for it."""

from __future__ import annotations

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from jobs.core.db import DATABASE_ERRORS

from .database_away import database_away_page


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session; the first page asks to sign in again, wherever that is."""
    try:
        logout(request)
    except DATABASE_ERRORS as error:
        return database_away_page(request, error)
    return HttpResponseRedirect(reverse("jobs:home"))


sign_out.login_required = False  # type: ignore[attr-defined]  # for LoginRequiredMiddleware
