"""The site's addresses."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from .signin import SignIn

urlpatterns = [
    path("admin/", admin.site.urls),
    path("sign-in/", SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    # Django's admin names no icon, so browsers request this one.
    path("favicon.ico", RedirectView.as_view(url=static("jobs/icon.svg"))),
    path("", include("jobs.urls")),
]
