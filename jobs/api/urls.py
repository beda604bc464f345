"""The addresses of the JSON API, version 1."""

from __future__ import annotations

from django.urls import path, re_path

from .catalogue import get_one_task, list_tasks
from .changing import cancel_job, retry_job
from .endpoint import endpoint, nothing_here, open_endpoint
from .listing import list_jobs
from .openapi import show_docs, show_document
from .output import get_artifact, get_log
from .queues import list_queues
from .reading import get_job
from .submitting import post_job
from .uploading import post_upload

app_name = "jobs_api"

urlpatterns = [
    path("jobs", endpoint(get=list_jobs, post=post_job), name="jobs"),
    path("jobs/<str:job_id>", endpoint(get=get_job), name="job"),
    path("jobs/<str:job_id>/cancel", endpoint(post=cancel_job), name="cancel"),
    path("jobs/<str:job_id>/retry", endpoint(post=retry_job), name="retry"),
    path("jobs/<str:job_id>/log", endpoint(get=get_log), name="log"),
    path("jobs/<str:job_id>/artifacts/<str:name>", endpoint(get=get_artifact), name="artifact"),
    path("uploads", endpoint(post=post_upload), name="uploads"),
    path("tasks", endpoint(get=list_tasks), name="tasks"),
    path("tasks/<path:name>", endpoint(get=get_one_task), name="task"),
    path("queues", endpoint(get=list_queues), name="queues"),
    path("openapi.json", open_endpoint(get=show_document), name="openapi"),
    path("docs", open_endpoint(get=show_docs), name="docs"),
    re_path("", nothing_here()),
]
