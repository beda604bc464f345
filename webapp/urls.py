"""The site's addresses."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from .signin import SignIn

urlpatterns = [
    path("admin/", admin.site.urls),
    path("sign-in/", SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("", include("jobs.urls")),
]
