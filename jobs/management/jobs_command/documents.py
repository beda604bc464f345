"""A job as the commands write it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jobs.core.users import names_of
from jobs.models import Job
from jobs.queries.job_fields import job_fields


def job_documents(jobs: Iterable[Job]) -> list[dict[str, Any]]:
    """Return jobs as JSON data: as the API has them, with the owner and without addresses."""
    jobs = list(jobs)
    owners = names_of(job.owner_id for job in jobs)
    return [
        {
            **job_fields(job),
            "owner": owners.get(job.owner_id),
            "artifacts": [{"name": one.name, "size": one.size} for one in job.artifacts.all()],
        }
        for job in jobs
    ]
