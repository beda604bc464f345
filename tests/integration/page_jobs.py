"""Jobs in any state, brought there by the lifecycle itself, without a worker."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import AttemptOutcome
from jobs.core.storage import job_storage
from jobs.lifecycle import AttemptUpdate, Claim, Outcome, StoredArtifact
from jobs.models import Job
from jobs.submission import SubmitOptions, submit_job
from tests.integration.page_tasks import PLAIN


class PageJobs:
    """Hands jobs in and plays the consumer."""

    def __init__(self, owner: User) -> None:
        self.owner = owner
        self._consumer: uuid.UUID | None = None

    @property
    def consumer(self) -> uuid.UUID:
        """A consumer of all queues, which exists from the first time it is asked for."""
        if self._consumer is None:
            self._consumer = lifecycle.register("page_jobs", 1, ["default", "mail"], 4)
        return self._consumer

    def waiting(self, task: str = PLAIN, owner: User | None = None, **more: Any) -> Job:
        """A job that has just been handed in."""
        args = more.pop("args", {"text": "one two"})
        return submit_job(task, args, options=SubmitOptions(**more), owner=owner or self.owner).job

    def claim(self, job: Job) -> Claim:
        """Start it; it must be the next of its queue."""
        with transaction.atomic():
            (claim,) = lifecycle.claim_jobs(job.queue, 1, self.consumer, timezone.now())
        assert claim.id == job.id
        return claim

    def running(self, **more: Any) -> tuple[Job, Claim]:
        """A job that runs."""
        job = self.waiting(**more)
        claim = self.claim(job)
        job.refresh_from_db()
        return job, claim

    def tell(
        self, claim: Claim, log: str = "", done: float | None = None, total: float | None = None
    ) -> None:
        """Say something as the task would."""
        words = AttemptUpdate(
            claim.id, claim.attempt, done=done, total=total, message="lines", log=log
        )
        with transaction.atomic():
            lifecycle.write_updates([words])

    def keep(self, claim: Claim, name: str, data: bytes, content_type: str) -> None:
        """Keep a file as the task would."""
        file = job_storage().save(f"artifacts/{claim.id.hex}/{name}", ContentFile(data))
        note = StoredArtifact(claim.id, claim.attempt, name, len(data), content_type, file)
        with transaction.atomic():
            lifecycle.save_artifact(note)

    def end(
        self, claim: Claim, ending: AttemptOutcome = AttemptOutcome.SUCCEEDED, **more: Any
    ) -> Job:
        """End the attempt."""
        with transaction.atomic():
            late = lifecycle.finish(
                [Outcome(claim=claim, outcome=ending, ended_at=timezone.now(), **more)]
            )
        assert not late
        return Job.objects.get(pk=claim.id)

    def done(self, result: Any = None, **more: Any) -> Job:
        """A job that has succeeded."""
        return self.end(self.running(**more)[1], result=result)

    def failed(self, message: str = "It broke.", **more: Any) -> Job:
        """A job that has failed for good."""
        return self.end(
            self.running(**more)[1],
            AttemptOutcome.FAILED,
            error_type="builtins.ValueError",
            message=message,
            traceback="Traceback: line 1",
            final=True,
        )
