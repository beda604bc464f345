"""The context of a running task: its job, its progress, log, artifacts and cancellation."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Protocol

from jobs.compat import TaskContext, TaskResult
from jobs.errors import JobCancelled


class Reporter(Protocol):
    """Receives what a context reports, in the process that runs the attempt."""

    def progress(self, done: float, total: float | None, message: str) -> None:
        """Replace the progress of the job."""

    def log(self, text: str) -> None:
        """Append to the log of the job."""

    def cancelled_by(self) -> str | None:
        """Return the user who asked to cancel the job; None when nobody did."""

    def artifact(self, name: str, data: bytes | str | Path) -> None:
        """Store a file as an artifact of the job."""


class JobContext(TaskContext):
    """Passed to a task whose first parameter is named ``context``."""

    __slots__ = ("_attempt", "_job_id", "_reporter")
    _attempt: int
    _job_id: uuid.UUID
    _reporter: Reporter

    def __init__(
        self,
        *,
        job_id: uuid.UUID,
        attempt: int,
        reporter: Reporter,
        task_result: TaskResult[object] | None = None,
    ) -> None:
        for name, value in (
            ("_job_id", job_id),
            ("_attempt", attempt),
            ("_reporter", reporter),
            ("task_result", task_result),
        ):
            object.__setattr__(self, name, value)

    @property
    def job_id(self) -> str:
        return str(self._job_id)

    @property
    def attempt(self) -> int:
        """The number of this run of the job, from 1."""
        return self._attempt

    @property
    def idempotency_key(self) -> str:
        """The same text in every attempt of this job: send it to systems that detect repeats."""
        return f"jobdesk-{self._job_id}"

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Report the progress of the job. Cheap: it may be called in the innermost loop.

        Args:
            done: the amount done so far, in any unit.
            total: the whole amount in the same unit; None if it is not known.
            message: a short text for people; 300 characters of it are kept.

        Raises:
            JobCancelled: someone asked for this job to be cancelled.
        """
        self._reporter.progress(done, total, message)
        self.check_cancelled()

    def log(self, text: str) -> None:
        """Append a line to the job's log."""
        self._reporter.log(text)

    def check_cancelled(self) -> None:
        """Raise an error if someone asked for this job to be cancelled.

        Raises:
            JobCancelled: someone asked for this job to be cancelled.
        """
        by = self._reporter.cancelled_by()
        if by is not None:
            raise JobCancelled(by)

    def save_artifact(self, name: str, data: bytes | str | Path) -> None:
        """Store a file with the job, for download.

        Args:
            name: the file name, 1 to 150 characters; an artifact of the same name is replaced.
            data: bytes, a text to be encoded as UTF-8, or the path of a file to be copied.

        Raises:
            ValueError: the name is empty, too long or holds a path separator.
        """
        if not name or len(name) > 150 or name in {".", ".."} or set(name) & set('/\\\0"\r\n'):
            raise ValueError(f"{name!r} is no name for a file.")
        self._reporter.artifact(name, data)
