"""What a running task may ask and tell."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Protocol

from jobs.compat import TaskContext, TaskResult
from jobs.errors import JobCancelled


class Reporter(Protocol):
    """Where a context's words go: the process that holds the attempt."""

    def progress(self, done: float, total: float | None, message: str) -> None:
        """Note how far the job is; the last word wins."""

    def log(self, text: str) -> None:
        """Append to the job's log."""

    def cancelled_by(self) -> str | None:
        """Who asked for the job to be cancelled; None when nobody did."""

    def artifact(self, name: str, data: bytes | str | Path) -> None:
        """Keep a file."""


class JobContext(TaskContext):
    """Given to a task whose first parameter is named ``context``."""

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
        """The job's id."""
        return str(self._job_id)

    @property
    def attempt(self) -> int:
        """Which run of the job this is, from 1."""
        return self._attempt

    @property
    def idempotency_key(self) -> str:
        """The same text in every attempt of this job: hand it to systems that can tell repeats."""
        return f"jobdesk-{self._job_id}"

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Tell how far the job is. Cheap: it may be called in the innermost loop.

        Raises:
            JobCancelled: someone asked for this job to be cancelled.
        """
        self._reporter.progress(done, total, message)
        self.check_cancelled()

    def log(self, text: str) -> None:
        """Append a line to the job's log."""
        self._reporter.log(text)

    def check_cancelled(self) -> None:
        """Stop here if someone asked for it.

        Raises:
            JobCancelled: someone asked for this job to be cancelled.
        """
        by = self._reporter.cancelled_by()
        if by is not None:
            raise JobCancelled(by)

    def save_artifact(self, name: str, data: bytes | str | Path) -> None:
        """Keep a file with the job, to be downloaded. A ``Path`` is copied, text is UTF-8.

        Raises:
            ValueError: the name is empty, too long or holds a path separator.
        """
        if not name or len(name) > 150 or name in {".", ".."} or set(name) & set('/\\\0"\r\n'):
            raise ValueError(f"{name!r} is no name for a file.")
        self._reporter.artifact(name, data)
