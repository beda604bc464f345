"""Finding one job that the caller may see; all else is the same 404."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from jobs.core.db import Adapter, connection, run
from jobs.core.states import FINAL
from jobs.models import Artifact, Job
from jobs.models.job import entity_tag
from jobs.queries import job_search

from .auth import Caller
from .problems import no_such_job

# By hand, because pollers ask this more often than anything: to build it as a queryset takes
# several times as long as to answer it.
_GLANCE: Final = "SELECT owner_id, version, status FROM jobs_job WHERE id = %s"


@dataclass(frozen=True, slots=True)
class JobVersion:
    """The little of a job that says whether there is anything new to tell."""

    id: uuid.UUID
    version: int
    status: str

    @property
    def etag(self) -> str:
        """The same as the row's."""
        return entity_tag(self.id, self.version)

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to the job by itself."""
        return self.status in FINAL


def job_version(caller: Caller, job_id: uuid.UUID) -> JobVersion:
    """Look at a job by one narrow read of the primary key.

    Raises:
        ApiError: 404, it is missing or somebody else's.
    """
    db = connection()
    rows = run(db, _GLANCE, [Adapter(db).uuid(job_id)])
    return _shown(caller, job_id, rows[0] if rows else None)


def polled_version(caller: Caller, job_id: uuid.UUID) -> JobVersion:
    """Like ``glance``, without a read when the caller's token was looked up along with the job.

    Raises:
        ApiError: 404, it is missing or somebody else's.
    """
    return job_version(caller, job_id) if caller.job is None else _shown(caller, job_id, caller.job)


def _shown(caller: Caller, job_id: uuid.UUID, row: tuple[Any, ...] | None) -> JobVersion:
    if row is None:
        raise no_such_job()
    owner, version, status = row
    if not caller.is_staff and owner != Adapter(connection()).key(caller.user.pk):
        raise no_such_job()
    return JobVersion(job_id, version, status)


def visible_job(caller: Caller, job_id: uuid.UUID) -> Job:
    """Return a job.

    Raises:
        ApiError: 404, it is missing or somebody else's.
    """
    job = job_search.visible_job(caller.user, job_id)
    if job is None:
        raise no_such_job()
    return job


def files_of(job: Job) -> list[Artifact]:
    """Return the files that a job made; one that never ran is not asked for any."""
    return list(job.artifacts.all()) if job.attempt else []


def job_key(text: str) -> uuid.UUID:
    """Return the id in a path.

    Raises:
        ApiError: 404, no job can have it.
    """
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise no_such_job() from error
