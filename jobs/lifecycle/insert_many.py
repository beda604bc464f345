"""Many jobs of one task become rows in a few statements."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from django.db import transaction

from jobs import brokers
from jobs.core.db import Adapter, connection, run
from jobs.core.states import Status
from jobs.models import Job

from .fair_position import next_fair_position
from .insert import initial_status, job_values, note_upload_uses
from .producer_span import producer_span
from .sql import JOB_COLUMNS, insert_many_statement

BATCH_SIZE: Final = 1000
MOST_NOTIFIED: Final = 100
"""So many wake-ups are sent: a consumer that is awake goes on until nothing waits."""


class NewJob(NamedTuple):
    """What differs from job to job in one ``insert_many``: ``kwargs`` is JSON text."""

    id: uuid.UUID
    kwargs: str
    uploads: Sequence[uuid.UUID]


def insert_many(template: Job, many: Sequence[NewJob]) -> None:
    """Insert jobs that equal the template except for what ``NewJob`` holds: all of them or none.

    Consumers are notified of the first ``MOST_NOTIFIED`` once all are committed.

    Raises:
        OperationalError: the database cannot take them.
    """
    template.status = initial_status(template)
    db = connection()
    notified: list[tuple[str, uuid.UUID]] = []
    with producer_span(template, len(many)), transaction.atomic(using=db.alias):
        traced = template.traceparent is not None
        statement = insert_many_statement(db.vendor, traced=traced)
        position = next_fair_position(template)
        for batch in _batches(many):
            run(db, statement, _batch_parameters(template, batch, position, Adapter(db)))
            note_upload_uses((job.id, upload) for job in batch for upload in job.uploads)
            position += len(batch)
            notified += [(template.queue, job.id) for job in batch[: MOST_NOTIFIED - len(notified)]]
        if template.status == Status.QUEUED:
            brokers.notify_after_commit(notified)


def _batches(many: Iterable[NewJob]) -> Iterator[list[NewJob]]:
    rest = iter(many)
    while batch := list(islice(rest, BATCH_SIZE)):
        yield batch


def _batch_parameters(
    template: Job, batch: list[NewJob], position: int, adapt: Adapter
) -> list[Any]:
    values = dict(zip(JOB_COLUMNS, job_values(template, adapt), strict=True))
    shared = [value for name, value in values.items() if name not in {"id", "kwargs"}]
    rows = (f'["{job.id.hex}",{job.kwargs},{index}]' for index, job in enumerate(batch))
    trace = [] if template.traceparent is None else [template.traceparent]
    return [*shared, *trace, position, f"[{','.join(rows)}]"]
