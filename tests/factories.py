"""Rows for tests, and the few steps that most of them begin with."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import FINAL, AttemptOutcome, Status
from jobs.core.uuid7 import uuid7
from jobs.lifecycle import Claim, Outcome
from jobs.models import Artifact, Attempt, Consumer, Job, LogChunk, Upload
from jobs.submission import store_upload

LONG_AGO = timedelta(days=400)


def make_user(name: str = "ada", **fields: Any) -> User:
    """Make a user; ``is_staff=True`` and the like are passed on."""
    return User.objects.create_user(name, **fields)


def make_staff(name: str, *codenames: str) -> User:
    """Make a user who is staff and has these permissions."""
    user = make_user(name, is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return user


def make_job(**fields: Any) -> Job:
    """Put a row in the table as it is, by none of the ways between statuses.

    A status brings what belongs to it: a running job has a consumer and an attempt, a finished one
    has finished.
    """
    now = timezone.now()
    status = fields.get("status", Status.QUEUED)
    if status == Status.SCHEDULED:
        fields.setdefault("run_after", now + timedelta(hours=1))
    if status == Status.RUNNING or status in FINAL:
        fields.setdefault("attempt", 1)
        fields.setdefault("started_at", now)
    if status == Status.RUNNING:
        fields.setdefault("consumer_id", uuid7())
    if status in FINAL:
        fields.setdefault("finished_at", now)
    return Job.objects.create(**{"task": "testapp.square", "kwargs": {"n": 7}, **fields})


def record(**fields: Any) -> Job:
    """Insert a job as a submission does, with its fair position, but notify no consumer."""
    job = Job(**{"task": "testapp.square", "kwargs": {"n": 7}, **fields})
    lifecycle.insert_received_job(job)
    return Job.objects.get(pk=job.pk)


def make_consumer(queues: Sequence[str] = ("default",), **fields: Any) -> Consumer:
    """Make a living consumer."""
    values = {"host": "here", "pid": 7, "queues": list(queues), "concurrency": 8, **fields}
    return Consumer.objects.create(**values)


def take(
    queue: str = "default",
    limit: int = 1,
    consumer: uuid.UUID | None = None,
    now: datetime | None = None,
) -> list[Claim]:
    """Claim jobs as a consumer does; without one, a new one is made."""
    who = consumer if consumer is not None else make_consumer().pk
    with transaction.atomic():
        return lifecycle.claim_jobs(queue, limit, who, now or timezone.now())


def take_one(queue: str = "default", consumer: uuid.UUID | None = None) -> Claim:
    """Claim the one job that is there to be taken."""
    (claim,) = take(queue, 1, consumer)
    return claim


def take_all(queue: str = "default") -> list[Claim]:
    """Claim everything, one by one: a claim of several is put in order by Python as well."""
    consumer = make_consumer([queue]).pk
    taken: list[Claim] = []
    while some := take(queue, 1, consumer):
        taken += some
    return taken


def end(claim: Claim, ending: AttemptOutcome = AttemptOutcome.SUCCEEDED, **fields: Any) -> bool:
    """Write how an attempt ended; whether it counted."""
    values = {"ended_at": timezone.now(), "consumer": "here:7", **fields}
    with transaction.atomic():
        return not lifecycle.finish([Outcome(claim=claim, outcome=ending, **values)])


def make_upload(owner: User | None = None, data: bytes = b"data", name: str = "a.log") -> Upload:
    """Store a file."""
    return store_upload(owner, name, [data])


def finished_long_ago(**fields: Any) -> Job:
    """A job that retention forgets, with everything that a job can leave behind."""
    past = timezone.now() - LONG_AGO
    job = make_job(
        **{"status": Status.SUCCEEDED, "created_at": past, "finished_at": past, **fields}
    )
    Attempt.objects.create(job=job, number=1, ended_at=past, outcome=AttemptOutcome.SUCCEEDED)
    LogChunk.objects.create(job=job, start=0, text="told")
    return job


def make_artifact(job: Job, name: str = "plot.svg", data: bytes = b"<svg/>") -> Artifact:
    """Keep a file with a job."""
    from django.core.files.base import ContentFile

    from jobs.core.storage import job_storage

    stored = job_storage().save(f"artifacts/{job.pk.hex}/{name}", ContentFile(data))
    return Artifact.objects.create(job=job, attempt=1, name=name, size=len(data), file=stored)
