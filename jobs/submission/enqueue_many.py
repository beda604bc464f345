"""Many jobs of different tasks in one go, from code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobs.catalog.registry import get_task
from jobs.catalog.task import JobTask
from jobs.errors import InvalidArguments

from .bulk import Created, PreparedJob, Preparer, insert_batch


def enqueue_many(many: Iterable[tuple[JobTask[..., Any] | str, Mapping[str, Any]]], /) -> list[str]:
    """Submit one job for each task and its arguments: all of them or none. (``jobs.enqueue_many``)

    A task may be one with other options (``task.using(...)``, ``task.options(...)``), or a name.
    A thousand jobs of tasks with the same options are one statement.

    Returns:
        their ids in the same order; of a job with a ``unique_key`` that an unfinished job has
        already, that one's.

    Raises:
        UnknownTask: there is no task of a name.
        InvalidTask: a task cannot run as it was declared.
        InvalidArguments: some do not fit; the pointers begin with the number, from 0.
        Unavailable: the database cannot take them now.
    """
    preparer = Preparer(None, enforce_limits=False)
    prepared: list[PreparedJob] = []
    for number, (named, arguments) in enumerate(many):
        task = get_task(named) if isinstance(named, str) else named
        try:
            prepared.append(preparer.prepare(task, arguments))
        except InvalidArguments as error:
            raise InvalidArguments(
                [{**one, "pointer": f"/{number}{one['pointer']}"} for one in error.errors]
            ) from error
    if not prepared:
        return []
    tasks = {id(job.template): job.template.task for job in prepared}
    for task in tasks.values():
        task.get_backend().validate_task(task)
    outcomes = insert_batch(prepared, None, enforce_limits=False, all_or_none=True)
    ids = [str(one.id) for one in outcomes if isinstance(one, Created)]
    for job, key in zip(prepared, ids, strict=True):
        enqueued = getattr(job.template.task.get_backend(), "enqueued", None)
        if enqueued is not None:
            enqueued(key)
    return ids
