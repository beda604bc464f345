"""``manage.py jobs cancel``."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Sequence

from jobs.core.states import Status
from jobs.errors import NotCancellable
from jobs.lifecycle import CancelResult
from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.queries.action_messages import ActionOutcome
from jobs.submission import cancel_job, cancel_waiting_jobs

from .actions import BulkAction, Report

# A job that starts while those that wait are cancelled is met again among those that run.
_STATUSES = (Status.SCHEDULED, Status.QUEUED, Status.RUNNING)


class Cancel(BulkAction):
    """Cancels jobs that wait, asks those that run to stop."""

    name = "cancel"
    help = (
        "Cancel jobs that wait and ask those that run to stop: by id, or by filters. Without "
        "--status: all that have not finished."
    )
    statuses = default_statuses = _STATUSES
    question = "This cancels {jobs}; those that run are asked to stop."

    def rows(self, status: Status) -> JobQuerySet:
        """Leave out those that were asked to stop before."""
        rows = super().rows(status)
        return rows.filter(cancel_requested=False) if status == Status.RUNNING else rows

    def change_many(self, job_ids: Sequence[uuid.UUID], report: Report) -> None:
        """Cancel those that wait in one statement, then each of the others."""
        by = _operator()
        cancelled = set(cancel_waiting_jobs(job_ids, by))
        if cancelled:
            report.outcomes[ActionOutcome.CANCELLED] += len(cancelled)
        for job_id in job_ids:
            if job_id not in cancelled:
                report.outcomes[_cancel(job_id, by)] += 1


def _cancel(job_id: uuid.UUID, by: str) -> ActionOutcome:
    try:
        result = cancel_job(job_id, by)
    except NotCancellable:
        return ActionOutcome.ALREADY_FINISHED
    except Job.DoesNotExist:
        return ActionOutcome.DELETED
    if result is CancelResult.CANCELLED:
        return ActionOutcome.CANCELLED
    return ActionOutcome.STOP_REQUESTED


def _operator() -> str:
    """Who runs this command, for the jobs' error message."""
    try:
        return f"{getpass.getuser()} (manage.py)"
    except (OSError, KeyError, ImportError):  # a container's user without a name, Windows' SYSTEM
        return "manage.py"
