"""What a running attempt tells: progress, log, files. Each write names the attempt."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import F, QuerySet

from jobs.core.states import Status
from jobs.models import Artifact, Job, LogChunk


@dataclass(slots=True)
class AttemptUpdate:
    """What an attempt said since it was last written: the last progress, the new log text."""

    id: uuid.UUID
    attempt: int
    done: float | None = None
    total: float | None = None
    message: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """A file that lies in the storage and is to be known as the job's."""

    id: uuid.UUID
    attempt: int
    name: str
    size: int
    content_type: str
    file: str


def _held(job_id: uuid.UUID, attempt: int) -> QuerySet[Job]:
    """The job, if it still runs as this attempt: the fence."""
    return Job.objects.filter(pk=job_id, attempt=attempt, status=Status.RUNNING)


def write_updates(many: Iterable[AttemptUpdate]) -> None:
    """Write progress and log; words of an attempt that is over are dropped."""
    for words in many:
        changes: dict[str, object] = {"version": F("version") + 1}
        if words.done is not None:
            changes["progress_done"] = words.done
            changes["progress_total"] = words.total
            changes["progress_message"] = words.message[:300]
        if words.log:
            changes["log_size"] = F("log_size") + len(words.log)
        if _held(words.id, words.attempt).update(**changes) and words.log:
            end = Job.objects.values_list("log_size", flat=True).get(pk=words.id)
            LogChunk.objects.create(job_id=words.id, start=end - len(words.log), text=words.log)


def save_artifact(note: StoredArtifact) -> tuple[bool, str | None]:
    """Note a file; return whether it counts, and the storage name of the file it replaces."""
    if not _held(note.id, note.attempt).update(version=F("version") + 1):
        return False, None
    old = Artifact.objects.filter(job_id=note.id, name=note.name).first()
    Artifact.objects.update_or_create(
        job_id=note.id,
        name=note.name,
        defaults={
            "attempt": note.attempt,
            "size": note.size,
            "content_type": note.content_type,
            "file": note.file,
        },
    )
    return True, old.file if old is not None and old.file != note.file else None


def requested_cancels(consumer: uuid.UUID) -> dict[uuid.UUID, str]:
    """The running jobs of a consumer that someone wants cancelled, and who."""
    rows = Job.objects.filter(
        consumer_id=consumer, status=Status.RUNNING, cancel_requested=True
    ).values_list("id", "cancelled_by")
    return dict(rows)
