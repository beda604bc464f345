"""The doctor's checks that the database takes writes, and that consumers use the same one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from jobs import lifecycle
from jobs.consumer.consumer_lock import held_on_this_machine
from jobs.core.database_faults import Fault, fault_of, one_line
from jobs.core.db import DATABASE_ERRORS, connection
from jobs.core.formatting import pluralize
from jobs.models import Consumer, Job
from jobs.queries.database_health import write_problem

from .findings import Finding, StopChecks, ok, problem


def writes(now: datetime) -> Iterator[Finding]:
    """Insert a job, read it, change it and delete it, in a transaction that is rolled back.

    Raises:
        StopChecks: nothing can be written.
        DatabaseError: the database is locked or away.
    """
    text = write_problem(connection())
    if text is not None:
        yield problem(text)
        raise StopChecks
    try:
        _write_and_roll_back()
    except DATABASE_ERRORS as error:
        if fault_of(error) is not Fault.NO_WRITES:
            raise
        yield problem(f"The database takes no writes: {one_line(error)}.")
        raise StopChecks from error
    yield ok("A job was written to the database, read, changed and deleted again.")


def _write_and_roll_back() -> None:
    with transaction.atomic(using=connection().alias):
        job = Job(task="doctor")
        lifecycle.insert_received_job(job)  # no consumer is told of it, and none can see it
        Job.objects.filter(pk=job.pk).update(priority=job.priority)
        Job.objects.get(pk=job.pk).delete()
        transaction.set_rollback(True, using=connection().alias)


def processes(now: datetime) -> Iterator[Finding]:
    """Check that the consumers that live on this machine are in this database.

    They are not when its file was replaced while they ran: they still write to the old one.
    """
    held = held_on_this_machine()
    known = set(Consumer.objects.filter(pk__in=held).values_list("pk", flat=True))
    strangers = len(held - known)
    if strangers:
        yield problem(
            f"{pluralize(strangers, 'consumer')} on this machine not in this database: it was "
            "replaced while they ran, or they use another one. Start them and the site anew."
        )
