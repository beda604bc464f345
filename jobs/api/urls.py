"""The addresses of the JSON API, version 1."""

from __future__ import annotations

from django.urls import path, re_path

from jobs.api.views.bulk import post_bulk
from jobs.api.views.docs import get_docs, get_document
from jobs.api.views.index import INDEX
from jobs.api.views.job_actions import post_cancel, post_retry
from jobs.api.views.job_create import post_job
from jobs.api.views.job_detail import get_job
from jobs.api.views.job_list import list_jobs
from jobs.api.views.job_output import get_artifact, get_log
from jobs.api.views.me import get_me
from jobs.api.views.queues import list_queues
from jobs.api.views.results import get_results
from jobs.api.views.resumable import (
    delete_upload,
    get_abilities,
    head_upload,
    patch_upload,
    post_resumable_upload,
    post_upload_override,
)
from jobs.api.views.task_jobs import post_task_job
from jobs.api.views.tasks import get_one_task, list_tasks
from jobs.api.views.tokens import delete_token, list_tokens, post_rotate, post_token
from jobs.api.views.upload_list import get_upload, list_uploads
from jobs.api.views.uploads import post_upload
from jobs.api.views.webhook_deliveries import list_deliveries, post_redeliver, post_test
from jobs.api.views.webhooks import (
    delete_one_webhook,
    get_webhook,
    list_webhooks,
    patch_webhook,
    post_rotate_secret,
    post_webhook,
)

from .endpoint import alias, endpoint, not_found_endpoint, open_endpoint
from .etag import version_of_polled
from .tus import speaks_tus

app_name = "jobs_api"

urlpatterns = [
    path("", alias(INDEX)),
    path("jobs", endpoint(post=post_job, get=list_jobs), name="jobs"),
    path("jobs/bulk", endpoint(post=post_bulk), name="bulk"),
    path("jobs/<str:job_id>", endpoint(get=get_job, with_token=version_of_polled), name="job"),
    path("jobs/<str:job_id>/cancel", endpoint(post=post_cancel), name="cancel"),
    path("jobs/<str:job_id>/retry", endpoint(post=post_retry), name="retry"),
    path("jobs/<str:job_id>/log", endpoint(get=get_log), name="log"),
    path("jobs/<str:job_id>/artifacts/<str:name>", endpoint(get=get_artifact), name="artifact"),
    path("results", endpoint(get=get_results), name="results"),
    path("uploads", endpoint(post=post_upload, get=list_uploads), name="uploads"),
    path(
        "uploads/resumable",
        speaks_tus(endpoint(post=post_resumable_upload, options=get_abilities)),
        name="resumable",
    ),
    path(
        "uploads/<str:upload_id>",
        speaks_tus(
            endpoint(
                get=get_upload,
                head=head_upload,
                patch=patch_upload,
                delete=delete_upload,
                post=post_upload_override,
            )
        ),
        name="upload",
    ),
    path("tasks", endpoint(get=list_tasks), name="tasks"),
    path("tasks/<path:name>/jobs", endpoint(post=post_task_job), name="task-jobs"),
    path("tasks/<path:name>", endpoint(get=get_one_task), name="task"),
    path("me", endpoint(get=get_me), name="me"),
    path("tokens", endpoint(get=list_tokens, post=post_token), name="tokens"),
    path("tokens/<str:token_id>", endpoint(delete=delete_token), name="token"),
    path("tokens/<str:token_id>/rotate", endpoint(post=post_rotate), name="rotate-token"),
    path("queues", endpoint(get=list_queues), name="queues"),
    path("webhooks", endpoint(get=list_webhooks, post=post_webhook), name="webhooks"),
    path(
        "webhooks/<str:webhook_id>",
        endpoint(get=get_webhook, patch=patch_webhook, delete=delete_one_webhook),
        name="webhook",
    ),
    path("webhooks/<str:webhook_id>/test", endpoint(post=post_test), name="webhook-test"),
    path(
        "webhooks/<str:webhook_id>/rotate", endpoint(post=post_rotate_secret), name="webhook-rotate"
    ),
    path("webhooks/<str:webhook_id>/deliveries", endpoint(get=list_deliveries), name="deliveries"),
    path(
        "webhooks/<str:webhook_id>/deliveries/<str:delivery_id>/redeliver",
        endpoint(post=post_redeliver),
        name="redeliver",
    ),
    path("openapi.json", open_endpoint(get=get_document), name="openapi"),
    path("docs", open_endpoint(get=get_docs, takes_any_query=True), name="docs"),
    re_path("", not_found_endpoint()),
]
