"""The context of a running task: its job, its progress, log, artifacts and cancellation."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from jobs.compat import TaskContext, TaskResult
from jobs.core.command import Command, CommandResult
from jobs.errors import JobCancelled

from .artifact_names import safe_name
from .commands import run_command, run_command_from_coroutine
from .reporter import ArtifactData, Reporter, SavedArtifact

__all__ = ["JobContext", "Reporter", "SavedArtifact"]

C = TypeVar("C", bound=Callable[[], object])


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

    # What the job's page shows.

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

    def stage(self, name: str, number: int | None = None, of: int | None = None) -> None:
        """Begin a stage of the work, ``context.stage("Importing", 2, of=3)``; its progress begins
        at nothing.

        Args:
            name: what is done now, for people; 100 characters of it are kept.
            number: which stage it is, from 1.
            of: how many there are.

        Raises:
            JobCancelled: someone asked for this job to be cancelled.
        """
        self._reporter.stage(name, number, of)
        self.check_cancelled()

    def log(self, text: str) -> None:
        """Append a line to the job's log."""
        self._reporter.log(text)

    def warn(self, text: str) -> None:
        """Add a warning: the job may still succeed, and is shown as done with warnings.

        The log has every warning. The job keeps the first 100, 500 characters of each; the warnings
        of an attempt replace those of the one before.
        """
        self._reporter.warn(str(text))

    # Its cancel and its end.

    def check_cancelled(self) -> None:
        """Raise an error if someone asked for this job to be cancelled.

        Raises:
            JobCancelled: someone asked for this job to be cancelled.
        """
        by = self._reporter.cancelled_by()
        if by is not None:
            raise JobCancelled(by)

    def on_cancel(self, callback: C) -> C:
        """Have a function called when someone asks for this job to be cancelled; it may decorate
        one.

        It is called without arguments in a thread of its own while the task still runs; at once if
        the cancel was asked for before. What it raises is logged. A process is killed two seconds
        after the cancel.
        """
        self._reporter.resources.on_cancel(callback)
        return callback

    @property
    def tempdir(self) -> Path:
        """A folder for this attempt alone, empty at first. It is removed when the attempt ends,
        however it ends.

        Raises:
            OutOfResources: it cannot be made now: the disk is full or cannot be written.
        """
        return self._reporter.resources.tempdir()

    # Commands.

    def run(
        self,
        command: str | Sequence[str | os.PathLike[str]],
        *,
        timeout: float | None = None,
        check: bool = True,
        input: bytes | str | None = None,  # noqa: A002  (as in subprocess.run)
        **options: Any,
    ) -> CommandResult:
        """Run a command that ends with the attempt; its output goes to the job's log as it comes.

        The command and all that it has started are ended when the job is cancelled, when the
        attempt's time is over or its consumer stops, and when the process that runs the task dies,
        however it dies. What the command leaves running when it ends is ended, too.

        Args:
            command: the program and its arguments; with ``shell=True`` a text for the shell.
            timeout: seconds that the command may take.
            check: raise an error when the exit code is not 0.
            input: what it reads from standard input; None for nothing.
            options: ``shell``, ``cwd`` (a folder), ``env`` (all of its environment), ``encoding``
                (of its output; default: the system's).

        Raises:
            CommandFailed: the exit code is not 0.
            CommandTimedOut: it took longer than ``timeout``.
            JobCancelled: someone asked for this job to be cancelled.
            OutOfResources: the machine cannot start it now.
            OSError: it could not be started.
            RuntimeError: called by a coroutine, which uses ``arun``.
        """
        made = Command(command, data=input, **options)
        return run_command(self._reporter, made, timeout, check=check)

    async def arun(
        self,
        command: str | Sequence[str | os.PathLike[str]],
        *,
        timeout: float | None = None,  # noqa: ASYNC109  (it must end the command as well)
        check: bool = True,
        input: bytes | str | None = None,  # noqa: A002
        **options: Any,
    ) -> CommandResult:
        """Do as ``run``, for tasks that are coroutines."""
        made = Command(command, data=input, **options)
        return await run_command_from_coroutine(self._reporter, made, timeout, check=check)

    # Files.

    def save_artifact(self, name: str, data: ArtifactData) -> str:
        """Store a file with the job, for download.

        Args:
            name: the file name. What some system cannot save in it is replaced, and the log says
                so. An artifact of the same name is replaced.
            data: bytes, a text to be encoded as UTF-8, the path of a file to be copied, or an open
                file.

        Returns:
            The name that it has.

        Raises:
            TypeError: the data is none of these.
            OSError: the file cannot be read or stored.
        """
        stored, why = self._reporter.resources.artifact_names.choose(name)
        if why:
            self.log(f"The artifact {str(name)[:200]!r} is kept as {stored!r}: {why}.")
        self._reporter.artifact(stored, data)
        return stored

    @property
    def artifacts(self) -> Mapping[str, SavedArtifact]:
        """The files that are kept with the job now, by name, those of earlier attempts too.

        Each has ``name``, ``size`` in bytes, ``attempt`` and ``open()``.
        """
        return self._reporter.artifacts()

    def open_artifact(self, name: str) -> BinaryIO:
        """Open a file that this job has saved, in this attempt or in an earlier one.

        Raises:
            FileNotFoundError: there is none of this name.
        """
        found = self.artifacts
        artifact = found.get(name) or found.get(safe_name(name).name)
        if artifact is None:
            there = ", ".join(sorted(found)) or "none"
            raise FileNotFoundError(f"This job has no artifact {name!r}. It has: {there}.")
        return artifact.open()
