"""A job as JSON: ``schemas.Job`` lists the members. Here are its addresses and its files."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final, cast
from urllib.parse import quote

from django.conf import settings
from django.urls import get_script_prefix, get_urlconf

from jobs.core.states import FINAL, Status
from jobs.models import Artifact, Job
from jobs.queries.job_fields import job_fields, utc_text
from jobs.queries.uploads import UploadState

from . import schemas
from .responses import api_url

# Seconds after which it is worth asking again.
_RETRY_AFTER: Final = {Status.SCHEDULED: 5, Status.QUEUED: 1, Status.RUNNING: 1}


def root() -> str:
    """Return the path below which everything is mounted, with a slash at its end."""
    return _root(settings.ROOT_URLCONF, get_urlconf(), get_script_prefix())


@lru_cache(maxsize=16)
def _root(site: str, urlconf: str | None, prefix: str) -> str:
    """Looked up once for each place where the addresses are mounted: every response needs it."""
    return api_url("jobs").removesuffix("api/v1/jobs")


def job_json(job: Job, artifacts: Iterable[Artifact], mount: str | None = None) -> schemas.Job:
    """Return a job as the API shows it.

    Args:
        job: the row.
        artifacts: its files.
        mount: what ``root`` returned, when many jobs are shown at once.
    """
    mount = root() if mount is None else mount
    address = f"{mount}api/v1/jobs/{job.id}"
    return {
        **job_fields(job),
        "links": {
            "self": address,
            "html": f"{mount}jobs/{job.id}/",
            "log": f"{address}/log",
            "cancel": f"{address}/cancel",
            "retry": f"{address}/retry",
        },
        "artifacts": [_artifact(artifact, address) for artifact in artifacts],
    }


def listed_job(job: Job, members: Collection[str], mount: str) -> schemas.ListedJob:
    """Return a job as a list shows it, with these members alone.

    Args:
        job: the row; its files were fetched if they are among the members and it has run.
        members: names of ``schemas.Job``.
        mount: what ``root`` returned.
    """
    has_files = "artifacts" in members and job.attempt
    shown = job_json(job, job.artifacts.all() if has_files else (), mount)
    chosen = {name: value for name, value in shown.items() if name in members}
    return cast("schemas.ListedJob", chosen)


def _artifact(artifact: Artifact, job_address: str) -> schemas.Artifact:
    return {
        "name": artifact.name,
        "size": artifact.size,
        "url": f"{job_address}/artifacts/{quote(artifact.name, safe='')}",
    }


def upload_json(state: UploadState) -> schemas.Upload:
    """Return an upload as the API shows it."""
    return {
        "id": str(state.id),
        "name": state.name,
        "size": state.size,
        "stored": state.stored,
        "in_use": state.in_use,
        "created_at": utc_text(state.created_at),
        "expires_at": None if state.expires_at is None else utc_text(state.expires_at),
    }


def retry_after(status: str) -> dict[str, str]:
    """Return the header that says when to ask again; none for a job that has finished."""
    if status in FINAL:
        return {}
    return {"Retry-After": str(_RETRY_AFTER[Status(status)])}
