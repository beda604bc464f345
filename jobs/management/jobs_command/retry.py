"""``manage.py jobs retry``."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from jobs import lifecycle
from jobs.core.states import Status
from jobs.errors import NotRetryable
from jobs.models import Job
from jobs.queries.action_messages import ActionOutcome

from .actions import BulkAction, Report


class Retry(BulkAction):
    """Puts failed and cancelled jobs back into their queues, with a fresh budget of failures."""

    name = "retry"
    help = (
        "Put failed or cancelled jobs back into their queues: by id, or by filters. Without "
        "--status: those that failed."
    )
    statuses = (Status.FAILED, Status.CANCELLED)
    default_statuses = (Status.FAILED,)
    question = "This runs {jobs} again."

    def change_many(self, job_ids: Sequence[uuid.UUID], report: Report) -> None:
        """Requeue all that can be in one statement, then each of the others."""
        requeued = lifecycle.requeue_jobs(job_ids)
        if requeued:
            report.outcomes[ActionOutcome.REQUEUED] += len(requeued)
        for job_id in job_ids:
            if job_id not in requeued:
                self._requeue(job_id, report)

    def _requeue(self, job_id: uuid.UUID, report: Report) -> None:
        try:
            lifecycle.requeue_job(Job.objects.get(pk=job_id))
        except NotRetryable as error:
            report.refusals[str(error)] += 1
        except Job.DoesNotExist:
            report.outcomes[ActionOutcome.DELETED] += 1
        else:
            report.outcomes[ActionOutcome.REQUEUED] += 1
