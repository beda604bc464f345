"""A job, for coroutines: what ``job`` describes, with ``await``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from . import downloads, job_flows
from .effects import Flow
from .job_fields import JobFields

if TYPE_CHECKING:
    from .async_desk import AsyncDesk


class AsyncJob(JobFields):
    """A job: what is known of it, and what can be done with it. See ``Job``."""

    def __init__(self, desk: AsyncDesk, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self._desk = desk

    async def refresh(self) -> Self:
        """Read it again; return it."""
        return await self._has(job_flows.read(self._desk.site, self.id))

    async def wait(self, timeout: float | None = None) -> Self:  # noqa: ASYNC109
        """Wait for its end, whatever that is, for so many seconds; return it."""
        return await self._has(job_flows.wait(self._desk.site, self.id, timeout))

    async def result(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """Wait for its end, for so many seconds; return what its task has returned."""
        await self.wait(timeout)
        return await self._desk.run(job_flows.result_of(self._desk.site, self.data))

    async def cancel(self) -> Self:
        """Cancel it, or request it of one that is running; return it."""
        return await self._has(job_flows.cancel(self._desk.site, self.id))

    async def retry(self) -> Self:
        """Run it again, after it has failed or was cancelled; return it."""
        return await self._has(job_flows.retry(self._desk.site, self.id))

    async def log(self) -> str:
        """Return all that it has logged so far."""
        return await self._desk.run(job_flows.read_log(self._desk.site, self.id))

    async def download(self, name: str, to: Path | str) -> Path:
        """Download a file that it has made to a path or into a folder; return where it is."""
        return await self._desk.run(downloads.download(self._desk.site, self.id, name, to))

    async def read_artifact(self, name: str) -> bytes:
        """Return a file that it has made, as bytes in memory."""
        return await self._desk.run(downloads.read_artifact(self._desk.site, self.id, name))

    async def _has(self, flow: Flow[job_flows.JobData]) -> Self:
        self.data = await self._desk.run(flow)
        return self
