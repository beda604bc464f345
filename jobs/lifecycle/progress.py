"""Write what a running attempt reports: progress, log and artifacts, fenced by attempt number."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypedDict

from django.db.models import F, QuerySet

from jobs.core.jsonutils import clean
from jobs.core.states import Status
from jobs.models import Artifact, Job

from .log_chunks import LogAppend

MAX_STAGE: Final = 100
"""Characters that are kept of a stage's name."""


class Stage(TypedDict):
    """A stage of a task's work: the ``number``-th of ``of``, where those are known."""

    name: str
    number: int | None
    of: int | None


def stage_of(name: str, number: int | None, of: int | None) -> Stage:
    """Return a stage as it is stored.

    Raises:
        ValueError: a number is none.
    """
    return {
        "name": clean(str(name))[:MAX_STAGE],
        "number": None if number is None else int(number),
        "of": None if of is None else int(of),
    }


@dataclass(slots=True)
class AttemptUpdate:
    """What an attempt has reported since the last write: its progress and the new log text.

    ``done`` is None when there is no new progress. ``log`` is appended to the job's log; then
    ``skipped`` characters are left out, and ``log_end`` is appended. ``stage`` and ``warnings``
    (all of the attempt's) are None when they have not changed.
    """

    id: uuid.UUID
    attempt: int
    done: float | None = None
    total: float | None = None
    message: str = ""
    log: str = ""
    skipped: int = 0
    log_end: str = ""
    stage: Stage | None = None
    warnings: list[str] | None = None


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """A file that was written to the storage and is to become an artifact of the job.

    ``size`` is in bytes, ``file`` the name in the storage.
    """

    id: uuid.UUID
    attempt: int
    name: str
    size: int
    content_type: str
    file: str


def _running(job_id: uuid.UUID, attempt: int) -> QuerySet[Job]:
    """The fence: the job if this attempt of it still runs, otherwise nothing."""
    return Job.objects.filter(pk=job_id, attempt=attempt, status=Status.RUNNING)


def write_updates(updates: Iterable[AttemptUpdate]) -> None:
    """Write progress and log text; updates of an attempt that has ended are dropped."""
    for update in updates:
        running = _running(update.id, update.attempt)
        changes: dict[str, object] = {"version": F("version") + 1}
        if update.done is not None:
            changes["progress_done"] = update.done
            changes["progress_total"] = update.total
            changes["progress_message"] = update.message[:300]
        if update.stage is not None:
            changes["progress_stage"] = update.stage
        if update.warnings is not None:
            changes["warnings"] = update.warnings
        added = _added_log(update, running)
        if added is not None:
            changes["log_size"] = added.size
        if running.update(**changes) and added is not None:
            added.write(update.id)


def _added_log(update: AttemptUpdate, running: QuerySet[Job]) -> LogAppend | None:
    """Return the text to append; None if there is none, or no room for it."""
    if not (update.log or update.log_end):
        return None
    # Nobody but the running attempt, whose number the update names too, changes the size.
    size = running.values_list("log_size", flat=True).first()
    if size is None:
        return None
    added = LogAppend(size, update.log, update.skipped, update.log_end)
    return added if added.fits else None


def save_artifact(stored: StoredArtifact) -> tuple[bool, str | None]:
    """Insert or replace the row of an artifact.

    Returns whether it was written (not when the attempt has ended), and the storage name of the
    file that it replaces, which nothing refers to any more.
    """
    if not _running(stored.id, stored.attempt).update(version=F("version") + 1):
        return False, None
    old = Artifact.objects.filter(job_id=stored.id, name=stored.name).first()
    Artifact.objects.update_or_create(
        job_id=stored.id,
        name=stored.name,
        defaults={
            "attempt": stored.attempt,
            "size": stored.size,
            "content_type": stored.content_type,
            "file": stored.file,
        },
    )
    return True, old.file if old is not None and old.file != stored.file else None


def requested_cancels(consumer: uuid.UUID) -> dict[uuid.UUID, str]:
    """Return the running jobs of a consumer that are to be cancelled, with the user who asked."""
    rows = Job.objects.filter(
        consumer_id=consumer, status=Status.RUNNING, cancel_requested=True
    ).values_list("id", "cancelled_by")
    return dict(rows)
