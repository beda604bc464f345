"""Files and logs of jobs, for tests to make and to read."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from jobs.catalog.input_file import InputFile
from jobs.compat import TaskResult
from jobs.core.storage import job_storage
from jobs.models import Artifact, Job
from jobs.queries import logs
from jobs.submission.uploads import store_upload

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    AnyJob = Job | TaskResult[Any] | uuid.UUID | str  # a job, its handle, or its id


def make_upload(
    data: bytes | str, name: str = "file.txt", owner: AbstractBaseUser | None = None
) -> InputFile:
    """Store a file as a client would; return what a task takes for it.

    Args:
        data: its bytes, or a text to be encoded as UTF-8.
        name: the client's name of it.
        owner: whose it is; None for a job that code submits.

    Raises:
        TooLarge: it is over ``JOBS["MAX_UPLOAD"]``.
    """
    raw = data.encode() if isinstance(data, str) else data
    return InputFile(store_upload(owner, name, [raw]).pk)


def read_log(job: AnyJob) -> str:
    """Return the log of a job: what its task printed, logged and told its context."""
    return logs.read(_id_of(job), 0).text


def read_artifact(job: AnyJob, name: str) -> bytes:
    """Return the content of a file that a job has kept.

    Raises:
        LookupError: it has kept none of this name; the error says which it has.
    """
    rows = dict(Artifact.objects.filter(job_id=_id_of(job)).values_list("name", "file"))
    if name not in rows:
        raise LookupError(f"The job has no file {name!r}, only {sorted(rows)}.")
    with job_storage().open(rows[name], "rb") as file:
        return bytes(file.read())


def _id_of(job: AnyJob) -> uuid.UUID:
    key = job.id if isinstance(job, Job | TaskResult) else job
    return key if isinstance(key, uuid.UUID) else uuid.UUID(key)
