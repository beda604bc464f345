"""The pages of a job."""

from __future__ import annotations

from django.test import Client

from jobs.models import Job

REFRESH = 'http-equiv="refresh"'


def at(job: Job, rest: str = "") -> str:
    return f"/jobs/{job.id}/{rest}"


def read(page: Client, job: Job, rest: str = "") -> str:
    answer = page.get(at(job, rest))
    assert answer.status_code == 200, answer.content
    text: str = answer.content.decode()
    return text
