"""Our jobs under the names that the tests of django-tasks-db use for its rows and its worker."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from jobs.backend import JobsBackend
from jobs.compat import Task, TaskResultStatus, task_backends
from jobs.core.states import AttemptOutcome, Status
from jobs.models import Attempt, Job
from tests.consumers import Consumers

DatabaseBackend = JobsBackend
exclusive_transaction = transaction.atomic  # decorates a test that does not apply

_STATUSES = {TaskResultStatus.SUCCESSFUL: Status.SUCCEEDED}


class Rows:
    """Some of the jobs."""

    def __init__(self, jobs: QuerySet[Job]) -> None:
        self._jobs = jobs

    def count(self) -> int:
        """Return how many there are."""
        return self._jobs.count()

    def update(self, **values: Any) -> None:
        """Change the jobs; the names are those of a row of django-tasks-db."""
        for worker in values.pop("worker_ids", []):
            for job in self._jobs:
                _add_attempt(job, worker)
        changes = {"return_value": "result"}
        columns = {changes.get(name, name): value for name, value in values.items()}
        if "status" in columns:
            columns["status"] = _STATUSES[columns["status"]]
        self._jobs.update(**columns)

    async def aupdate(self, **values: Any) -> None:
        """Change the jobs."""
        await sync_to_async(self.update)(**values)


def _add_attempt(job: Job, worker: str) -> None:
    Attempt.objects.create(
        job=job,
        number=1,
        consumer=worker,
        ended_at=timezone.now(),
        outcome=AttemptOutcome.SUCCEEDED,
    )


class Row:
    """One job."""

    def __init__(self, job: Job) -> None:
        self._job = job

    @property
    def task(self) -> Task[..., Any]:
        """Its task, as it was enqueued."""
        return task_backends["default"].get_result(str(self._job.pk)).task


class Manager(Rows):
    """All jobs."""

    def __init__(self) -> None:
        super().__init__(Job.objects.all())

    def all(self) -> Rows:
        """Return all of them."""
        return Rows(Job.objects.all())

    def filter(self, **conditions: Any) -> Rows:
        """Return some of them."""
        return Rows(Job.objects.filter(**conditions))

    def get(self, **conditions: Any) -> Row:
        """Return one of them."""
        return Row(Job.objects.get(**conditions))

    def ready(self) -> Rows:
        """Return those that could be claimed."""
        now: datetime = timezone.now()
        due = Q(status=Status.SCHEDULED, run_after__lte=now)
        return Rows(Job.objects.filter(Q(status=Status.QUEUED) | due))

    def successful(self) -> Rows:
        """Return those that succeeded."""
        return Rows(Job.objects.filter(status=Status.SUCCEEDED))

    def failed(self) -> Rows:
        """Return those that failed."""
        return Rows(Job.objects.filter(status=Status.FAILED))


class DBTaskResult:
    """The table."""

    objects = Manager()


def run_worker(queue_name: str = "default", **options: Any) -> None:
    """Run a consumer in a process of its own until nothing is due."""
    consumers = Consumers(
        Path.cwd(),
        DJANGO_SETTINGS_MODULE="tests.conformance.settings",
        PYTHONPATH=os.pathsep.join(sys.path),
    )
    try:
        queues = "default,queue-1" if queue_name == "*" else queue_name
        consumers.run_until_idle("--queues", queues)
    finally:
        consumers.end_all()
