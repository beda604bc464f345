"""Many jobs of one task in one go, from code."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from jobs import lifecycle
from jobs.brokers.registry import notify_after_commit
from jobs.catalog.registry import AnyTask
from jobs.catalog.signature import ValidatedArguments
from jobs.compat import someone_listens, task_enqueued
from jobs.core.states import Status
from jobs.core.uuid7 import uuid7s
from jobs.errors import InvalidArguments, InvalidOptions
from jobs.lifecycle.insert import NewJob
from jobs.models import Job

from .notify import send_enqueued
from .options import SubmitOptions, check_options, new_job
from .submit import when_available
from .uploads import check_uploads

MOST_RUNG = 100
"""So many permits are sent for a bulk: a consumer that was woken goes on until nothing waits."""


def submit_many(task: AnyTask, many: Iterable[Mapping[str, Any]]) -> list[uuid.UUID]:
    """Hand in one job for each mapping of arguments; return their ids in the same order.

    All of them are accepted or none.

    Raises:
        InvalidArguments: one does not fit; the pointers begin with its number.
        InvalidOptions: the task has an option that cannot be meant for all of them.
        Unavailable: the database cannot take them now.
    """
    if task.unique_key:
        raise InvalidOptions([{"pointer": "/unique_key", "detail": "Not for many jobs at once."}])
    fitting = [_validated(task, number, args) for number, args in enumerate(many)]
    if not fitting:
        return []
    pattern = new_job(task, {}, None, SubmitOptions())
    check_options(pattern, task, None, enforce_limits=False)
    ids = uuid7s(len(fitting))
    when_available(lambda: _check_files(fitting))
    when_available(
        lambda: lifecycle.insert_many(
            pattern,
            [NewJob(key, one.text, one.uploads) for key, one in zip(ids, fitting, strict=True)],
        )
    )
    _announce(pattern, task, ids, fitting)
    return ids


def _validated(task: AnyTask, number: int, args: Mapping[str, Any]) -> ValidatedArguments:
    try:
        return task.spec.validate(args)
    except InvalidArguments as error:
        raise _with_number(number, error) from error


def _check_files(fitting: list[ValidatedArguments]) -> None:
    for number, arguments in enumerate(fitting):
        if arguments.uploads:
            try:
                check_uploads(arguments, None)
            except InvalidArguments as error:
                raise _with_number(number, error) from error


def _with_number(number: int, error: InvalidArguments) -> InvalidArguments:
    return InvalidArguments(
        [{**one, "pointer": f"/{number}{one['pointer']}"} for one in error.errors]
    )


def _announce(
    pattern: Job, task: AnyTask, ids: list[uuid.UUID], fitting: list[ValidatedArguments]
) -> None:
    if someone_listens(task_enqueued):
        for key, arguments in zip(ids, fitting, strict=True):
            pattern.id, pattern.kwargs = key, arguments.stored
            send_enqueued(pattern, task)
    if pattern.status == Status.QUEUED:
        notify_after_commit((pattern.queue, key) for key in ids[:MOST_RUNG])
