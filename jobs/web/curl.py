"""The command that submits a job like this one from a terminal."""

from __future__ import annotations

import json
import shlex
from typing import Final

from django.http import HttpRequest
from django.urls import reverse

from jobs.models import Job

_MAX_LENGTH: Final = 8_000


def as_curl(request: HttpRequest, job: Job) -> str:
    """Return a curl command that submits a job like this one; "" if it would be too long."""
    body = {"task": job.task, "args": job.kwargs}
    if job.queue != "default":
        body["queue"] = job.queue
    text = json.dumps(body, ensure_ascii=False)
    if len(text) > _MAX_LENGTH:
        return ""
    address = request.build_absolute_uri(f"{reverse('jobs:home')}api/v1/jobs")
    return " \\\n  ".join(
        (
            f"curl {shlex.quote(address)}",
            '-H "Authorization: Bearer $TOKEN"',
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(text)}",
        )
    )
