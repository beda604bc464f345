"""Reading one job, or only its version, for a caller who may see it; all else is the same 404."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest

from jobs.core.db import Adapter, connection, run
from jobs.core.states import FINAL
from jobs.core.users import to_key
from jobs.models import Artifact, Job
from jobs.models.job import entity_tag, may_see
from jobs.queries import job_search

from .auth import Caller
from .problems import no_such_job
from .tokens import ExtraRead

# By hand, because pollers send this more often than anything: to build it as a queryset takes
# several times as long as to answer it.
_VERSION: Final = "SELECT owner_id, task, queue, version, status FROM jobs_job WHERE id = %s"


@dataclass(frozen=True, slots=True)
class JobVersion:
    """The few columns of a job that tell whether it has changed."""

    id: uuid.UUID
    owner_id: Any
    version: int
    status: str

    @property
    def etag(self) -> str:
        """The same as the row's."""
        return entity_tag(self.id, self.version)

    @property
    def is_finished(self) -> bool:
        """Whether the job has ended, unless somebody retries it."""
        return self.status in FINAL


def version_of_polled(request: HttpRequest, path: dict[str, str]) -> ExtraRead | None:
    """Return how to read the version of the path's job along with the caller's token.

    None for a request that does not ask whether the job has changed, or names no id.
    """
    if "HTTP_IF_NONE_MATCH" not in request.META:
        return None
    try:
        job_id = uuid.UUID(path["job_id"])
    except ValueError:
        return None  # the handler responds with 404, once it is known who asks
    return ExtraRead(
        "job.owner_id, job.task, job.queue, job.version, job.status",
        "LEFT JOIN jobs_job job ON job.id = %s",
        (Adapter(connection()).uuid(job_id),),
    )


def job_version(caller: Caller, job_id: uuid.UUID) -> JobVersion:
    """Return a job's version, by one narrow read of the primary key.

    Raises:
        ApiError: 404, it is missing or somebody else's.
    """
    db = connection()
    rows = run(db, _VERSION, [Adapter(db).uuid(job_id)])
    return _visible_version(caller, job_id, rows[0] if rows else None)


def polled_version(caller: Caller, job_id: uuid.UUID) -> JobVersion:
    """Return as ``job_version``, without a statement when it was read along with the token.

    Raises:
        ApiError: 404, it is missing or somebody else's.
    """
    if caller.extra is None:
        return job_version(caller, job_id)
    return _visible_version(caller, job_id, caller.extra)


def _visible_version(caller: Caller, job_id: uuid.UUID, row: tuple[Any, ...] | None) -> JobVersion:
    owner, task, queue, version, status = row or (None, "", "", None, None)
    if owner is not None:
        owner = to_key(owner)
    if version is None or not may_see(caller.user, job_id, owner, task, queue):
        raise no_such_job()
    return JobVersion(job_id, owner, version, status)


def visible_job(caller: Caller, job_id: uuid.UUID) -> Job:
    """Return a job.

    Raises:
        ApiError: 404, it is missing or somebody else's.
    """
    job = job_search.visible_job(caller.user, job_id)
    if job is None:
        raise no_such_job()
    return job


def artifacts_of(job: Job) -> list[Artifact]:
    """Return the files that a job made; for one that never ran, without a statement."""
    return list(job.artifacts.all()) if job.attempt else []


def parse_job_id(text: str) -> uuid.UUID:
    """Return the id in a path.

    Raises:
        ApiError: 404, no job can have it.
    """
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise no_such_job() from error
