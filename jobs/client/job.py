"""A job, and what can be done with it, each by a call that blocks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from . import downloads, job_flows
from .effects import Flow
from .job_fields import JobFields

if TYPE_CHECKING:
    from .desk import Desk


class Job(JobFields):
    """A job: what is known of it, and what can be done with it."""

    def __init__(self, desk: Desk, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self._desk = desk

    def refresh(self) -> Self:
        """Read it again; return it."""
        return self._has(job_flows.read(self._desk.site, self.id))

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for its end, whatever that is; return it.

        Args:
            timeout: seconds; None for as long as it takes.

        Raises:
            TimedOut: it has not ended within that time.
        """
        return self._has(job_flows.wait(self._desk.site, self.id, timeout))

    def result(self, timeout: float | None = None) -> Any:
        """Wait for its end; return what its task has returned.

        Args:
            timeout: seconds; None for as long as it takes.

        Raises:
            JobFailed: it has failed.
            JobCancelled: it was cancelled.
            TimedOut: it has not ended within that time.
        """
        self.wait(timeout)
        return self._desk.run(job_flows.result_of(self._desk.site, self.data))

    def cancel(self) -> Self:
        """Cancel it, or request it of one that is running; return it.

        Raises:
            Conflict: it has ended.
        """
        return self._has(job_flows.cancel(self._desk.site, self.id))

    def retry(self) -> Self:
        """Run it again, after it has failed or was cancelled; return it.

        Raises:
            Conflict: it has succeeded, or has not ended.
        """
        return self._has(job_flows.retry(self._desk.site, self.id))

    def log(self) -> str:
        """Return all that it has logged so far."""
        return self._desk.run(job_flows.read_log(self._desk.site, self.id))

    def download(self, name: str, to: Path | str) -> Path:
        """Download a file that it has made, one of ``artifacts``; return where it is.

        Args:
            name: the file's name.
            to: where to put it; in a folder it gets its name. It appears there when it is whole.

        Raises:
            NotFound: there is no such file.
        """
        return self._desk.run(downloads.download(self._desk.site, self.id, name, to))

    def read_artifact(self, name: str) -> bytes:
        """Return a file that it has made, one of ``artifacts``, as bytes in memory."""
        return self._desk.run(downloads.read_artifact(self._desk.site, self.id, name))

    def _has(self, flow: Flow[job_flows.JobData]) -> Self:
        self.data = self._desk.run(flow)
        return self
