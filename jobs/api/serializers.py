"""A job as JSON: the members that clients rely on, in one place."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from django.urls import get_script_prefix, get_urlconf
from django.utils import timezone

from jobs.core.states import FINAL, Status
from jobs.models import Artifact, Job

from .responses import api_url

# Seconds after which it is worth asking again.
_PAUSES: Final = {Status.SCHEDULED: 5, Status.QUEUED: 1, Status.RUNNING: 1}


def root() -> str:
    """The path below which everything is mounted, with a slash at its end."""
    return _root(settings.ROOT_URLCONF, get_urlconf(), get_script_prefix())


@lru_cache(maxsize=16)
def _root(site: str, urlconf: str | None, prefix: str) -> str:
    """Looked up once for each place where the addresses are mounted: every answer needs it."""
    return api_url("jobs").removesuffix("api/v1/jobs")


def job_json(job: Job, artifacts: Iterable[Artifact], at: str | None = None) -> dict[str, Any]:
    """Return what the API says of a job.

    Args:
        job: the row.
        artifacts: its files.
        at: what ``root`` returned, when many jobs are told at once.
    """
    at = root() if at is None else at
    own = f"{at}api/v1/jobs/{job.id}"
    return {
        "id": str(job.id),
        "task": job.task,
        "queue": job.queue,
        "priority": job.priority,
        "status": str(job.status),
        "args": job.kwargs,
        "result": job.result,
        "error": _error(job),
        "progress": _progress(job),
        "attempt": job.attempt,
        "failures": job.failures,
        "max_attempts": job.max_attempts,
        "created_at": moment(job.created_at),
        "run_after": moment(job.run_after),
        "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at),
        "cancel_requested": job.cancel_requested,
        "links": {
            "self": own,
            "html": f"{at}jobs/{job.id}/",
            "log": f"{own}/log",
            "cancel": f"{own}/cancel",
            "retry": f"{own}/retry",
        },
        "artifacts": [_artifact(artifact, own) for artifact in artifacts],
    }


def _error(job: Job) -> dict[str, str] | None:
    if not job.error_type:
        return None
    return {"type": job.error_type, "message": job.error_message}


def _progress(job: Job) -> dict[str, Any] | None:
    told = job.progress
    if told is None:
        return None
    return {**told, "done": number(told["done"]), "total": number(told["total"])}


def _artifact(artifact: Artifact, own: str) -> dict[str, Any]:
    return {
        "name": artifact.name,
        "size": artifact.size,
        "url": f"{own}/artifacts/{quote(artifact.name, safe='')}",
    }


def moment(when: datetime | None) -> str | None:
    """A time as RFC 3339 in UTC, ``2026-05-01T12:00:00.123456Z``."""
    if when is None:
        return None
    if timezone.is_naive(when):
        when = timezone.make_aware(when)  # a project with USE_TZ = False
    return when.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def number(value: float | None) -> float | int | None:
    """A number as JSON has it: a whole one without ``.0``, null for what is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value


def retry_after(status: str) -> dict[str, str]:
    """The header that says when to ask again; none for a job that has finished."""
    if status in FINAL:
        return {}
    return {"Retry-After": str(_PAUSES[Status(status)])}
