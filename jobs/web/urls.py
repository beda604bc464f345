"""The addresses of the pages."""

from __future__ import annotations

from django.urls import path

from .sign_in import sign_in
from .sign_out import sign_out
from .views import actions, downloads, home, job, jobs, submit, tokens, webhooks

app_name = "jobs"

urlpatterns = [
    path("", home.home, name="home"),
    path("sign-in/", sign_in, name="sign-in"),
    path("sign-out/", sign_out, name="sign-out"),
    path("webhooks/", webhooks.webhooks, name="webhooks"),
    path("webhooks/<str:webhook_id>/", webhooks.webhook, name="webhook"),
    path("webhooks/<str:webhook_id>/change", webhooks.change, name="webhook-change"),
    path(
        "webhooks/<str:webhook_id>/deliveries/<str:delivery_id>/again",
        webhooks.send_again,
        name="webhook-again",
    ),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<int:token_id>/rotate", tokens.rotate, name="rotate-token"),
    path("tokens/<int:token_id>/revoke", tokens.revoke, name="revoke-token"),
    path("tasks/<str:name>/", submit.task, name="task"),
    path("jobs/", jobs.jobs, name="list"),
    path("jobs/rows", jobs.fresh_rows, name="rows"),
    path("jobs/bulk", actions.bulk, name="bulk"),
    path("jobs/<str:job_id>/", job.job, name="job"),
    path("jobs/<str:job_id>/live", job.live, name="live"),
    path("jobs/<str:job_id>/cancel", actions.cancel, name="cancel"),
    path("jobs/<str:job_id>/retry", actions.retry, name="retry"),
    path("jobs/<str:job_id>/log.txt", downloads.log, name="log"),
    path("jobs/<str:job_id>/result", downloads.result, name="result"),
    path("jobs/<str:job_id>/files/<str:name>", downloads.artifact, name="artifact"),
    path("jobs/<str:job_id>/uploads/<str:upload_id>", downloads.upload, name="upload"),
]
