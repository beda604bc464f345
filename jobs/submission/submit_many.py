"""Many jobs of one task in one go, from code."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from jobs import lifecycle
from jobs.catalog.registry import AnyTask
from jobs.catalog.signature import ValidatedArguments
from jobs.compat import has_receivers, task_enqueued
from jobs.core.uuid7 import uuid7s
from jobs.errors import InvalidArguments, InvalidOptions
from jobs.lifecycle import NewJob
from jobs.models import Job

from .database_errors import operational_errors_as_unavailable
from .options import SubmitOptions, check_options, new_job
from .signals import send_task_enqueued
from .uploads import check_uploads


def submit_many(task: AnyTask, many: Iterable[Mapping[str, Any]]) -> list[uuid.UUID]:
    """Submit one job for each mapping of arguments: all of them or none.

    Returns their ids in the same order. Consumers are notified of some, once all are committed.

    Raises:
        InvalidArguments: one does not fit; the pointers begin with its number.
        InvalidOptions: the task has an option that cannot be meant for all of them.
        Unavailable: the database cannot take them now.
    """
    if task.unique_key:
        raise InvalidOptions([{"pointer": "/unique_key", "detail": "Not for many jobs at once."}])
    validated = [_validate(task, number, arguments) for number, arguments in enumerate(many)]
    if not validated:
        return []
    template = new_job(task, {}, None, SubmitOptions())
    check_options(template, task, None, enforce_limits=False)
    ids = uuid7s(len(validated))
    pairs = zip(ids, validated, strict=True)
    with operational_errors_as_unavailable():
        _check_uploads(validated)
        lifecycle.insert_many(template, [NewJob(key, one.text, one.uploads) for key, one in pairs])
    _send_signals(template, task, ids, validated)
    return ids


def _validate(task: AnyTask, number: int, arguments: Mapping[str, Any]) -> ValidatedArguments:
    try:
        return task.spec.validate(arguments)
    except InvalidArguments as error:
        raise _with_number(number, error) from error


def _check_uploads(validated: list[ValidatedArguments]) -> None:
    for number, arguments in enumerate(validated):
        try:
            check_uploads(arguments, None)
        except InvalidArguments as error:
            raise _with_number(number, error) from error


def _with_number(number: int, error: InvalidArguments) -> InvalidArguments:
    return InvalidArguments(
        [{**one, "pointer": f"/{number}{one['pointer']}"} for one in error.errors]
    )


def _send_signals(
    template: Job, task: AnyTask, ids: list[uuid.UUID], validated: list[ValidatedArguments]
) -> None:
    if has_receivers(task_enqueued, logging.DEBUG):
        for key, arguments in zip(ids, validated, strict=True):
            template.id, template.kwargs = key, arguments.stored
            send_task_enqueued(template, task)
