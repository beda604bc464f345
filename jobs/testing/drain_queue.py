"""``drain``: run what waits, through the statements of a consumer, in the test's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, overload

from asgiref.sync import sync_to_async
from django.db.models import Q
from django.utils import timezone

from jobs.core.states import WAITING, Status
from jobs.models import Job

from .inline_consumer import consuming, raise_error

MOST_ATTEMPTS: Final = 10_000
"""A drain that goes on for so long has a task that enqueues itself."""


@dataclass(frozen=True, slots=True)
class DrainResult(Sequence[Job]):
    """The jobs that ran, in the order in which they did, as they are now.

    A job that ran several times is there once; ``attempts`` counts each.
    """

    jobs: list[Job]
    attempts: int

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> list[Job]: ...
    def __getitem__(self, index: int | slice) -> Job | list[Job]:
        return self.jobs[index]

    def __len__(self) -> int:
        return len(self.jobs)

    @property
    def succeeded(self) -> list[Job]:
        """The jobs that are done."""
        return self._with({Status.SUCCEEDED})

    @property
    def failed(self) -> list[Job]:
        """The jobs that have failed for good."""
        return self._with({Status.FAILED})

    @property
    def cancelled(self) -> list[Job]:
        """The jobs that were cancelled."""
        return self._with({Status.CANCELLED})

    @property
    def waiting(self) -> list[Job]:
        """The jobs that wait for another attempt."""
        return self._with(WAITING)

    def _with(self, statuses: Collection[Status]) -> list[Job]:
        return [job for job in self.jobs if job.status in statuses]

    def __repr__(self) -> str:
        if not self.jobs:
            return "<no job was due>"
        shown = ", ".join(
            f"{job.task} {job.status}{f' ({job.error_message})' if job.error_message else ''}"
            for job in self.jobs
        )
        return f"<{self.attempts} attempts: {shown}>"


def drain(
    queues: str | Collection[str] | None = None,
    *,
    limit: int | None = None,
    until_empty: bool = True,
    with_scheduled: bool | datetime | timedelta = False,
    with_retries: bool = False,
    raise_errors: bool = False,
) -> DrainResult:
    """Run the jobs that are due, best first, in this thread; return those that ran.

    Args:
        queues: one queue or several; None for all. A paused queue stays paused.
        limit: the most attempts to run.
        until_empty: run also what those jobs enqueue; False runs what is due now, once.
        with_scheduled: run also what waits for a time, the earliest first: all of it, or what is
            due until a time, or within a timedelta from now. The clock does not move.
        with_retries: run also the further attempts of jobs that fail, at once.
        raise_errors: raise what a task raised, once its outcome is written.

    Raises:
        RuntimeError: 10,000 attempts ran and jobs still wait.
        Exception: with ``raise_errors``, the task's own, with the job's log as a note; or
            ``TaskFailed``.
    """
    names = [queues] if isinstance(queues, str) else queues
    early = Q(failures__gt=0) if with_retries else None
    if with_scheduled:
        scheduled = _due_until(with_scheduled)
        early = scheduled if early is None else early | scheduled
    attempts = 0
    ran_jobs: dict[uuid.UUID, None] = {}
    with (
        consuming(names, early) as consumer,
        # Closed before the consumer leaves: what an error has left is given back.
        closing(consumer.run_all(limit) if until_empty else consumer.run_due(limit)) as runs,
    ):
        for ran in runs:
            ran_jobs[ran.outcome.claim.id] = None
            attempts += 1
            if raise_errors:
                raise_error(ran)
            if attempts >= MOST_ATTEMPTS:
                raise RuntimeError(
                    f"{attempts:,} attempts ran and jobs still wait: does a task enqueue itself? "
                    "Give drain() a limit."
                )
    found = Job.objects.in_bulk(list(ran_jobs))
    return DrainResult([found[key] for key in ran_jobs if key in found], attempts)


async def adrain(
    queues: str | Collection[str] | None = None,
    *,
    limit: int | None = None,
    until_empty: bool = True,
    with_scheduled: bool | datetime | timedelta = False,
    with_retries: bool = False,
    raise_errors: bool = False,
) -> DrainResult:
    """Run ``drain`` from an async test."""
    return await sync_to_async(drain)(
        queues,
        limit=limit,
        until_empty=until_empty,
        with_scheduled=with_scheduled,
        with_retries=with_retries,
        raise_errors=raise_errors,
    )


def _due_until(given: bool | datetime | timedelta) -> Q:
    if given is True:
        return Q(run_after__isnull=False)
    until = timezone.now() + given if isinstance(given, timedelta) else given
    return Q(run_after__lte=until)
