"""The admin's pages, as a browser gets them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from jobs.models import Job
from tests.factories import make_staff

EVIL = "<script>alert('x')</script>&<img src=x onerror=alert(1)>"

LIST = "/admin/jobs/job/"


def page(client: Client, path: str = LIST, **query: Any) -> str:
    answer = client.get(f"{path}?{urlencode(query)}" if query else path)
    assert answer.status_code == 200, answer.headers.get("Location")
    return str(answer.content.decode())


def change_page(job: Job) -> str:
    return reverse("admin:jobs_job_change", args=[job.pk])


def listed(html: str) -> list[str]:
    """The ids of the jobs on a list, in its order."""
    return re.findall(r'name="_selected_action" value="([^"]+)"', html) or re.findall(
        r"/admin/jobs/job/([0-9a-f-]{36})/change/", html
    )


def queries_of(client: Client, path: str) -> list[str]:
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in seen.captured_queries]


def staff(client: Client, *codenames: str) -> User:
    user = make_staff("clerk", *codenames)
    client.force_login(user)
    return user
