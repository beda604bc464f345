"""A job as JSON. ``schemas.Job`` lists the members; this fills them in."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Final, cast
from urllib.parse import quote

from django.conf import settings
from django.urls import get_script_prefix, get_urlconf

from jobs.core.states import FINAL, Status
from jobs.core.times import aware
from jobs.models import Artifact, Job

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
        "id": str(job.id),
        "task": job.task,
        "queue": job.queue,
        "priority": job.priority,
        "status": cast("Status", job.status),
        "args": job.kwargs,
        "result": job.result,
        "error": {"type": job.error_type, "message": job.error_message} if job.error_type else None,
        "progress": _progress(job),
        "warnings": job.warnings or [],
        "attempt": job.attempt,
        "failures": job.failures,
        "max_attempts": job.max_attempts,
        "created_at": _utc_text(job.created_at),
        "run_after": None if job.run_after is None else _utc_text(job.run_after),
        "started_at": None if job.started_at is None else _utc_text(job.started_at),
        "finished_at": None if job.finished_at is None else _utc_text(job.finished_at),
        "cancel_requested": job.cancel_requested,
        "links": {
            "self": address,
            "html": f"{mount}jobs/{job.id}/",
            "log": f"{address}/log",
            "cancel": f"{address}/cancel",
            "retry": f"{address}/retry",
        },
        "artifacts": [_artifact(artifact, address) for artifact in artifacts],
    }


def _progress(job: Job) -> schemas.Progress | None:
    progress = job.progress
    if progress is None:
        return None
    return {
        "done": _number(progress["done"]),
        "total": _number(progress["total"]),
        "percent": progress["percent"],
        "message": progress["message"],
        "stage": progress["stage"],
    }


def _artifact(artifact: Artifact, job_address: str) -> schemas.Artifact:
    return {
        "name": artifact.name,
        "size": artifact.size,
        "url": f"{job_address}/artifacts/{quote(artifact.name, safe='')}",
    }


def _utc_text(when: datetime) -> str:
    """The time as RFC 3339 in UTC, ``2026-05-01T12:00:00.123456Z``."""
    return aware(when).isoformat().removesuffix("+00:00") + "Z"


def _number(value: float | None) -> float | int | None:
    """The number as JSON has it: a whole one without ``.0``, null for one not finite."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value


def retry_after(status: str) -> dict[str, str]:
    """Return the header that says when to ask again; none for a job that has finished."""
    if status in FINAL:
        return {}
    return {"Retry-After": str(_RETRY_AFTER[Status(status)])}
