"""The addresses of a project with a sign-in page at Django's default address."""

from django.contrib.auth.views import LoginView
from django.urls import include, path

urlpatterns = [
    path("accounts/login/", LoginView.as_view()),
    path("", include("jobs.urls")),
]
