"""The site's addresses."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.auth.views import LogoutView
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import include, path, re_path

from jobs.api.endpoint import not_found_endpoint
from jobs.web.sign_in_limits import limit_hashing, limit_sign_ins

from .kept_tokens import tell_of_tokens
from .signin import SignIn

handler400 = "webapp.bad_request.bad_request"


def change_password(request: HttpRequest, id: str) -> HttpResponseBase:  # noqa: A002
    """Let staff change somebody's password, as the admin does."""
    users: Any = admin.site.get_model_admin(User)
    response: HttpResponseBase = users.user_change_password(request, id)
    return response


def add_user(request: HttpRequest) -> HttpResponseBase:
    """Let staff add a user, with a password, as the admin does."""
    users: Any = admin.site.get_model_admin(User)
    response: HttpResponseBase = users.add_view(request)
    return response


def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """Redirect to the icon, below the request's own path prefix."""
    return HttpResponseRedirect(static("jobs/icon.svg"))


urlpatterns = [
    path("sign-in/", limit_sign_ins(SignIn.as_view()), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    # Before the admin: these are asked for by far the most often.
    path("", include("jobs.urls")),
    # The admin's own views, within limits; its names still lead here.
    path("admin/login/", limit_sign_ins(admin.site.login)),
    path(
        "admin/password_change/",
        tell_of_tokens(limit_sign_ins(admin.site.admin_view(admin.site.password_change))),
    ),
    path(
        "admin/auth/user/<id>/password/",
        tell_of_tokens(limit_hashing(admin.site.admin_view(change_password))),
    ),
    path("admin/auth/user/add/", limit_hashing(admin.site.admin_view(add_user))),
    path("admin/", admin.site.urls),
    # Django's admin names no icon, so browsers request this one.
    path("favicon.ico", favicon),
    # Here and not in ``jobs.urls``: in a project, the rest of /api/ is the project's own.
    re_path(
        "^api(?:/|$)", not_found_endpoint("The API begins with /api/v1/: there is one version.")
    ),
]
