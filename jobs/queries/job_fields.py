"""A job as JSON, without addresses: what the API and the commands have in common.

``jobs.api.schemas`` describes the members to clients; mypy holds that description to this one.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, TypedDict, cast

from jobs.core.states import Status
from jobs.core.times import aware
from jobs.models import Job


class ErrorFields(TypedDict):
    """Why a job failed."""

    type: str
    message: str


class StageFields(TypedDict):
    """The stage of a task's work."""

    name: str
    number: int | None
    of: int | None


class ProgressFields(TypedDict):
    """How far a job is."""

    done: float | None
    total: float | None
    percent: float | None
    message: str | None
    stage: StageFields | None


class JobFields(TypedDict):
    """A job."""

    id: str
    task: str
    queue: str
    priority: int
    status: Status
    args: dict[str, Any]
    result: Any
    error: ErrorFields | None
    progress: ProgressFields | None
    warnings: list[str]
    attempt: int
    failures: int
    max_attempts: int
    created_at: str
    run_after: str | None
    started_at: str | None
    finished_at: str | None
    cancel_requested: bool
    request_id: str | None


def job_fields(job: Job) -> JobFields:
    """Return a job as JSON data."""
    return {
        "id": str(job.id),
        "task": job.task,
        "queue": job.queue,
        "priority": job.priority,
        "status": cast("Status", job.status),
        "args": job.kwargs,
        "result": job.result,
        "error": {"type": job.error_type, "message": job.error_message} if job.error_type else None,
        "progress": progress_fields(job),
        "warnings": job.warnings or [],
        "attempt": job.attempt,
        "failures": job.failures,
        "max_attempts": job.max_attempts,
        "created_at": utc_text(job.created_at),
        "run_after": None if job.run_after is None else utc_text(job.run_after),
        "started_at": None if job.started_at is None else utc_text(job.started_at),
        "finished_at": None if job.finished_at is None else utc_text(job.finished_at),
        "cancel_requested": job.cancel_requested,
        "request_id": job.request_id,
    }


def progress_fields(job: Job) -> ProgressFields | None:
    """Return a job's progress as JSON data; None if its task has reported none."""
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


def utc_text(when: datetime) -> str:
    """Return a time as RFC 3339 in UTC, ``2026-05-01T12:00:00.123456Z``."""
    return aware(when).isoformat().removesuffix("+00:00") + "Z"


def _number(value: float | None) -> float | int | None:
    """The number as JSON has it: a whole one without ``.0``, null for one not finite."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value
