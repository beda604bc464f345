"""``perform``: run a task now, without a job."""

from __future__ import annotations

import uuid
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar, overload

from django.utils import timezone

from jobs.catalog.input_file import FileInfo
from jobs.catalog.task import JobTask
from jobs.compat import Task
from jobs.conf import get_conf
from jobs.consumer.attempt import Attempt
from jobs.consumer.call import bind_call
from jobs.core.jsonutils import jsonable
from jobs.core.storage import job_storage
from jobs.lifecycle import Claim, StoredArtifact
from jobs.models import Upload

from .runner import CONSUMER, run_call, running_tasks

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Performed(Generic[T]):
    """What a task did.

    Attributes:
        result: what a job's row would hold: what the function returned, as JSON data.
        log: what it printed, logged and told its context.
        progress: the last progress that it reported: done, total, message.
        artifacts: the content of the files that it kept, by name.
    """

    result: T
    log: str
    progress: tuple[float, float | None, str] | None
    artifacts: dict[str, bytes]


@overload
def perform(
    task: Task[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
) -> Performed[T]: ...
@overload
def perform(task: Task[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Performed[T]: ...
def perform(task: Task[..., Any], /, *args: Any, **kwargs: Any) -> Performed[Any]:
    """Validate the arguments of a task, call it with its context, and return what it did.

    No job is made, so it needs no database, unless an argument is an upload.

    Raises:
        InvalidArguments: the arguments do not fit.
        Exception: what the task raised, with its log as a note.
        TaskFailed: it took longer than its time limit, or its result is no JSON.
    """
    claim, uploads = _claim(task, args, kwargs)
    attempt = Attempt(claim, lambda *_: None, CONSUMER)
    call = bind_call(claim, task, attempt, files=_file_infos(uploads), consumer=CONSUMER)
    with running_tasks():
        ran = run_call(attempt, task, call)
    attempt.settle(ran.outcome)
    update, artifacts = attempt.collect()
    log = update.log if update is not None else ""
    contents = {one.name: _take(one) for one in artifacts}
    error = ran.exception(log)
    if error is not None:
        raise error
    progress = None
    if update is not None and update.done is not None:
        progress = (update.done, update.total, update.message)
    return Performed(ran.outcome.result, log, progress, contents)


def _claim(
    task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Claim, list[uuid.UUID]]:
    timeout: float | None
    if isinstance(task, JobTask):
        arguments = task.spec.validate(task.spec.by_name(args, kwargs))
        stored_args, stored, uploads = [], arguments.stored, arguments.uploads
        most, timeout = task.max_attempts, task.timeout
    else:
        stored_args, stored, uploads = jsonable(list(args)), jsonable(kwargs), []
        most, timeout = 1, get_conf().default_timeout
    claim = Claim(
        id=uuid.uuid4(),
        task=task.name,
        module_path=task.module_path,
        queue=task.queue_name,
        args=stored_args,
        kwargs=stored,
        attempt=1,
        failures=0,
        lost_count=0,
        max_attempts=most,
        timeout=timeout,
        owner_id=getattr(task, "owner_id", None),
        started_at=timezone.now(),
    )
    return claim, uploads


def _file_infos(uploads: list[uuid.UUID]) -> Mapping[str, FileInfo]:
    if not uploads:
        return {}
    rows = Upload.objects.filter(pk__in=uploads)
    return {str(row.pk): FileInfo(name=row.name, size=row.size, file=row.file) for row in rows}


def _take(artifact: StoredArtifact) -> bytes:
    """Return the content of a stored file, and delete it: no job refers to it."""
    storage = job_storage()
    with storage.open(artifact.file, "rb") as file:
        content = bytes(file.read())
    storage.delete(artifact.file)
    return content
