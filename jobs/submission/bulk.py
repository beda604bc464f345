"""Many jobs of one task in one go, from code."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from .. import lifecycle
from ..catalog.registry import AnyTask
from ..catalog.signature import Validated
from ..compat import someone_listens, task_enqueued
from ..errors import InvalidArguments, InvalidOptions
from ..ids import uuid7s
from ..lifecycle.ringing import ring_after_commit
from ..models import Job
from ..states import Status
from .accept import Wishes, check_options, new_row, when_available
from .announce import tell_listeners
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
    pattern = new_row(task, {}, None, Wishes())
    check_options(pattern, task, None, from_outside=False)
    ids = uuid7s(len(fitting))
    when_available(lambda: _check_files(fitting))
    when_available(
        lambda: lifecycle.record_many(
            pattern,
            [(key, one.text, one.uploads) for key, one in zip(ids, fitting, strict=True)],
        )
    )
    _announce(pattern, task, ids, fitting)
    return ids


def _validated(task: AnyTask, number: int, args: Mapping[str, Any]) -> Validated:
    try:
        return task.spec.validate(args)
    except InvalidArguments as error:
        raise _with_number(number, error) from error


def _check_files(fitting: list[Validated]) -> None:
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


def _announce(pattern: Job, task: AnyTask, ids: list[uuid.UUID], fitting: list[Validated]) -> None:
    if someone_listens(task_enqueued):
        for key, arguments in zip(ids, fitting, strict=True):
            pattern.id, pattern.args = key, arguments.stored
            tell_listeners(pattern, task)
    if pattern.status == Status.QUEUED:
        ring_after_commit((pattern.queue, key) for key in ids[:MOST_RUNG])
