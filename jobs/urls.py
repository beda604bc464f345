"""Every address of Jobdesk: ``path("", include("jobs.urls"))`` puts it into a project.

The pages are ``jobs:...``, the JSON API is ``jobs_api:...``. The three for machines that watch
have no prefix and no version.
"""

from __future__ import annotations

from django.urls import include, path

from jobs.api.views import health
from jobs.api.views.index import INDEX

urlpatterns = [
    path("api/v1", INDEX),
    path("api/v1/", include("jobs.api.urls")),
    path("healthz", health.HEALTHZ, name="jobs_healthz"),
    path("readyz", health.READYZ, name="jobs_readyz"),
    path("metrics", health.METRICS, name="jobs_metrics"),
    path("", include("jobs.web.urls")),
]
