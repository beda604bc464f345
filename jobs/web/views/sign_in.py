"""Our sign-in page. Imported only where ``django.contrib.auth`` is installed."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.urls import reverse

from jobs.core.rendering import page_context


class SignInForm(AuthenticationForm):
    """Name and password, with error messages of our own."""

    error_messages = {
        "invalid_login": "This name and this password do not go together. Capital letters count.",
        "inactive": "This user may not sign in any more.",
    }


class SignIn(LoginView):
    """The sign-in page; it leads back to the page that sent somebody here."""

    authentication_form = SignInForm
    template_name = "jobs/sign-in.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what our templates need, whatever the project's context processors give."""
        return {**page_context(self.request), **super().get_context_data(**kwargs)}

    def get_default_redirect_url(self) -> str:
        """Return the first page: Django's own default, ``/accounts/profile/``, is seldom there."""
        return reverse("jobs:home")

    def get_redirect_url(self, *args: Any, **kwargs: Any) -> str:
        """Return a safe ``next``, but none that leads back here, which would never end."""
        url: str = super().get_redirect_url(*args, **kwargs)
        return "" if url.startswith(self.request.path) else url
