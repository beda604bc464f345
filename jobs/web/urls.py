"""The addresses of the pages."""

from __future__ import annotations

from django.urls import path

from . import home

app_name = "jobs"

urlpatterns = [
    path("", home.home, name="home"),
    path("tasks/<str:name>/", home.home, name="task"),
    path("jobs/", home.home, name="list"),
    path("jobs/<str:job_id>/", home.home, name="job"),
]
