"""A broker that only notes which jobs consumers were notified of."""

from __future__ import annotations

import uuid

from jobs.models import Job


class RecordingBroker:
    """Stands in for the broker of the deployment."""

    takes_messages = True

    def __init__(self) -> None:
        self.notified: list[tuple[str, uuid.UUID]] = []

    def notify(self, queue: str, job_id: uuid.UUID) -> None:
        """Note the job."""
        self.notified.append((queue, job_id))


def pairs(*jobs: Job) -> list[tuple[str, uuid.UUID]]:
    """Return what a broker is given for these jobs."""
    return [(job.queue, job.pk) for job in jobs]
