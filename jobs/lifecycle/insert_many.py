"""Many jobs become rows in a few statements."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs import brokers
from jobs.core.db import Adapter, as_uuid, connection, run
from jobs.core.states import Status
from jobs.models import Job

from .fair_position import next_fair_position
from .group_commit import group_commit_for
from .insert import initial_status, job_values, note_upload_uses
from .producer_span import producer_span
from .sql import EACH_KEY, JOB_COLUMNS, insert_many_statement, optional_values

BATCH_SIZE: Final = 1000
MOST_NOTIFIED: Final = 100
"""So many wake-ups are sent: a consumer that is awake goes on until nothing waits."""


class JobKeys(NamedTuple):
    """The keys of a job that another one may have already, in the order of ``sql.EACH_KEY``."""

    unique_key: str = ""
    unique_slot: str | None = None
    idempotency_key: str | None = None
    idempotency_digest: str = ""


class NewJob(NamedTuple):
    """What differs from job to job of one template: ``kwargs`` is JSON text."""

    id: uuid.UUID
    kwargs: str
    uploads: Sequence[uuid.UUID]
    keys: JobKeys | None = None


Group = tuple[Job, Sequence[NewJob]]
"""Jobs that equal a template except for what ``NewJob`` holds."""


def insert_many(template: Job, many: Sequence[NewJob]) -> None:
    """Insert jobs that equal the template except for what ``NewJob`` holds: all of them or none.

    Consumers are notified of the first ``MOST_NOTIFIED`` once all are committed.

    Raises:
        OperationalError: the database cannot take them.
    """
    insert_groups([(template, many)])


def insert_groups(groups: Sequence[Group]) -> set[uuid.UUID]:
    """Insert the jobs of several templates in one transaction, as ``insert_many`` does.

    Returns:
        the ids of those that were left out, because another job has one of their keys.
    """
    db = connection()
    notified: list[tuple[str, uuid.UUID]] = []
    left_out: set[uuid.UUID] = set()
    with _writing_alone(db), transaction.atomic(using=db.alias):
        for template, many in groups:
            template.status = initial_status(template)
            with producer_span(template, len(many)):
                left_out |= _insert(db, template, many)
            if template.status == Status.QUEUED:
                rest = MOST_NOTIFIED - len(notified)
                notified += [(template.queue, job.id) for job in many[:rest]]
        brokers.notify_after_commit(notified)
    return left_out


def _writing_alone(db: BaseDatabaseWrapper) -> AbstractContextManager[object]:
    if db.vendor == "sqlite" and not db.in_atomic_block:
        return group_commit_for(db).writing_alone()
    return nullcontext()


def _insert(db: BaseDatabaseWrapper, template: Job, many: Sequence[NewJob]) -> set[uuid.UUID]:
    left_out: set[uuid.UUID] = set()
    keyed = any(job.keys is not None for job in many)
    statement = insert_many_statement(db.vendor, template, keyed=keyed)
    position = next_fair_position(template)
    for batch in _batches(many):
        rows = run(db, statement, _parameters(template, batch, position, Adapter(db), keyed))
        if keyed:
            inserted = {as_uuid(key) for (key,) in rows}
            left_out |= {job.id for job in batch} - inserted
        pairs = [(job.id, upload) for job in batch for upload in job.uploads]
        if pairs:
            note_upload_uses(pair for pair in pairs if pair[0] not in left_out)
        position += len(batch)
    return left_out


def _batches(many: Iterable[NewJob]) -> Iterator[list[NewJob]]:
    rest = iter(many)
    while batch := list(islice(rest, BATCH_SIZE)):
        yield batch


def _parameters(
    template: Job, batch: list[NewJob], position: int, adapt: Adapter, keyed: bool
) -> list[Any]:
    values = dict(zip(JOB_COLUMNS, job_values(template, adapt), strict=True))
    own = {"id", "kwargs", *EACH_KEY} if keyed else {"id", "kwargs"}
    shared = [value for name, value in values.items() if name not in own]
    if keyed:
        keys = [json.dumps(job.keys or JobKeys())[1:] for job in batch]
        rows = [
            f'["{job.id.hex}",{job.kwargs},{index},{more}'
            for index, (job, more) in enumerate(zip(batch, keys, strict=True))
        ]
    else:
        rows = [f'["{job.id.hex}",{job.kwargs},{index}]' for index, job in enumerate(batch)]
    return [*shared, *optional_values(template), position, f"[{','.join(rows)}]"]
