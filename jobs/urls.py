"""Every address of Jobdesk: ``path("", include("jobs.urls"))`` puts it into a project.

The pages are ``jobs:...``, the JSON API is ``jobs_api:...``. The three for machines that watch
have no prefix and no version.
"""

from __future__ import annotations

from django.urls import include, path

from jobs.api.views import ops

urlpatterns = [
    path("api/v1/", include("jobs.api.urls")),
    path("healthz", ops.HEALTHZ, name="jobs_healthz"),
    path("readyz", ops.READYZ, name="jobs_readyz"),
    path("metrics", ops.METRICS, name="jobs_metrics"),
    path("", include("jobs.web.urls")),
]
