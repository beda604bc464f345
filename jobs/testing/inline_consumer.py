"""A consumer that runs its jobs in the calling thread, one at a time."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from itertools import islice

from django.db.models import Q, QuerySet
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import Status
from jobs.lifecycle import Claim
from jobs.lifecycle.promote import promote_jobs
from jobs.models import Job, Queue

from .claimed_job import release, run_claim
from .files import read_log
from .runner import CONSUMER, Ran, running_tasks


class InlineConsumer:
    """Claims and runs what waits; ``consuming`` makes one.

    Args:
        queues: the queues to look at; None for all.
        early: which scheduled jobs may run before they are due.
    """

    def __init__(self, queues: Collection[str] | None, early: Q | None) -> None:
        self._queues = queues
        self._early = early
        self._id: uuid.UUID | None = None

    @property
    def id(self) -> uuid.UUID:
        """The id of its row, which is there from the first claim on."""
        if self._id is None:
            self._id = lifecycle.register(CONSUMER, os.getpid(), self._queues or [], 1)
        return self._id

    def leave(self) -> None:
        """Delete its row."""
        if self._id is not None:
            lifecycle.deregister(self._id)

    def run_all(self, limit: int | None) -> Generator[Ran]:
        """Run one job after the other until none is left, or so many attempts have run."""
        while limit is None or limit > 0:
            claim = self._claim_best()
            if claim is None:
                return
            yield run_claim(claim, self.id)
            limit = None if limit is None else limit - 1

    def run_due(self, limit: int | None) -> Generator[Ran]:
        """Run the jobs that are due now, and nothing that they enqueue."""
        claims = self._claim_all(limit)
        try:
            for claim in claims:
                yield run_claim(claim, self.id)
        finally:
            for claim in claims:  # those that an error has left
                release(claim, "the drain has ended", self.id)

    def run_next(self) -> Ran | None:
        """Run the best job; None when there is none."""
        return next(self.run_all(1), None)

    def _claim_best(self) -> Claim | None:
        self._promote_due()
        job = self._waiting().first() or self._promote_earliest()
        if job is None:
            return None
        claims = lifecycle.claim_jobs(job.queue, 1, self.id, timezone.now())
        return claims[0] if claims else None

    def _claim_all(self, limit: int | None) -> Iterator[Claim]:
        """Claim all that is due, and return it in order; what a job enqueues comes too late."""
        self._promote_due()
        while self._promote_earliest() is not None:
            pass
        due = list(islice(self._waiting(), limit))
        order = {job.pk: n for n, job in enumerate(due)}
        claims = [
            claim
            for queue, count in Counter(job.queue for job in due).items()
            for claim in lifecycle.claim_jobs(queue, count, self.id, timezone.now())
        ]
        return iter(sorted(claims, key=lambda claim: order.get(claim.id, len(order))))

    def _waiting(self) -> QuerySet[Job]:
        jobs = self._of_queues().filter(status=Status.QUEUED)
        return jobs.order_by("-priority", "fair_position", "id")

    def _of_queues(self) -> QuerySet[Job]:
        paused = Queue.objects.filter(paused=True).values("name")
        jobs = Job.objects.exclude(queue__in=paused)
        return jobs if self._queues is None else jobs.filter(queue__in=self._queues)

    def _promote_due(self) -> None:
        while lifecycle.promote_due(timezone.now()):
            pass

    def _promote_earliest(self) -> Job | None:
        if self._early is None:
            return None
        scheduled = self._of_queues().filter(self._early, status=Status.SCHEDULED)
        job = scheduled.order_by("run_after", "id").first()
        if job is not None:
            promote_jobs(Job.objects.filter(pk=job.pk))
        return job


@contextmanager
def consuming(
    queues: Collection[str] | None = None, early: Q | None = None
) -> Iterator[InlineConsumer]:
    """Give a consumer; what its tasks print goes to their logs, and its row goes with the block."""
    consumer = InlineConsumer(queues, early)
    with running_tasks():
        try:
            yield consumer
        finally:
            consumer.leave()


def raise_error(ran: Ran) -> None:
    """Raise what kept a job from succeeding, with its log as a note.

    Raises:
        Exception: the task's own.
        TaskFailed: there is none: it took too long, or its result is no JSON.
    """
    error = ran.exception(read_log(ran.outcome.claim.id))
    if error is not None:
        raise error
