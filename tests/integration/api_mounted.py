"""The addresses of a project that has Jobdesk below a path of its own."""

from django.urls import include, path

urlpatterns = [path("desk/", include("jobs.urls"))]
