"""A backend that runs a job when it is enqueued, in the caller's thread and transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from jobs.backend import JobsBackend
from jobs.catalog.task import JobTask
from jobs.compat import Task, TaskResult


class EagerBackend(JobsBackend):
    """``JobsBackend`` whose jobs run at once: ``TASKS`` of a project's test settings names it.

    Like that one it imports models when they are used: tasks are declared before the models load.

    The job is validated, inserted, claimed and ended by the same statements, so that its row, its
    log and its files are there. A failed attempt is tried again at once; a job for later waits, and
    so does one in a paused queue. Jobs from forms and the API wait for ``drain``.

    ``OPTIONS``: ``RETRIES`` (default True; False leaves a failed job to wait for its next attempt),
    ``RAISE_ERRORS`` (default False; True raises in the caller what the task raised).
    """

    def enqueue(self, task: Task[..., Any], args: Any, kwargs: Any) -> TaskResult[Any]:
        """Submit a job and run it; return its handle, which has the result.

        Raises:
            InvalidTask, InvalidArguments, Unavailable: as ``JobsBackend``; nothing has run.
            Exception: with ``RAISE_ERRORS``, the task's own.
        """
        from jobs.brokers.registry import silenced

        with silenced():
            result = super().enqueue(task, args, kwargs)
        self._run(uuid.UUID(result.id))
        result.refresh()
        return result

    def enqueue_many(self, task: JobTask[..., Any], many: Iterable[Mapping[str, Any]]) -> list[str]:
        """Submit a job for each mapping of arguments, then run them; return their ids.

        Raises:
            InvalidTask, InvalidArguments, InvalidOptions, Unavailable: as ``JobsBackend``.
            Exception: as ``enqueue``.
        """
        from jobs.brokers.registry import silenced

        with silenced():
            ids = super().enqueue_many(task, many)
        for job_id in ids:
            self._run(uuid.UUID(job_id))
        return ids

    def enqueued(self, job_id: str) -> None:
        """Run a job that ``jobs.enqueue_many`` has inserted."""
        self._run(uuid.UUID(job_id))

    def _run(self, job_id: uuid.UUID) -> None:
        from .eager_run import run_until_ended

        run_until_ended(
            job_id,
            with_retries=self.options.get("RETRIES", True),
            raise_errors=self.options.get("RAISE_ERRORS", False),
        )
