"""The same request for a terminal."""

from __future__ import annotations

import json
import shlex

from django.http import HttpRequest
from django.urls import reverse

from jobs.models import Job


def as_curl(request: HttpRequest, job: Job) -> str:
    """Return a command that hands in a job like this one by the API."""
    body = {"task": job.task, "args": job.args}
    if job.queue != "default":
        body["queue"] = job.queue
    address = request.build_absolute_uri(f"{reverse('jobs:home')}api/v1/jobs")
    return " \\\n  ".join(
        (
            f"curl {shlex.quote(address)}",
            '-H "Authorization: Bearer $TOKEN"',
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}",
        )
    )
