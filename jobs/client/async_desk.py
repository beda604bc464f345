"""A site, for coroutines: what ``desk`` describes, with ``await``."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any, Self, Unpack

import httpx

from . import catalog, feed, job_flows, job_lists, uploads
from .arguments import Options
from .async_driver import AsyncDriver
from .async_job import AsyncJob
from .bulk import Bulk, submit_many
from .catalog import Task
from .desk_options import GivenOptions, changed
from .mapping import MapOptions, Mapper
from .site import find_site

Arguments = Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]]


class AsyncDesk:
    """A site, and the user that a token belongs to, for one event loop. See ``Desk``."""

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        retry_for: float = 60.0,
        allow_http: bool = False,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._driver = AsyncDriver(find_site(url, token, retry_for, allow_http), http)
        self._options = Options()
        self.site = self._driver.site
        self.run = self._driver.run

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._driver.aclose()

    def using(self, **options: Unpack[GivenOptions]) -> Self:
        """Return this desk with options for what is submitted: they are those of ``Options``."""
        return changed(self, options)

    async def submit(self, task: str, /, **arguments: Any) -> AsyncJob:
        """Submit a job; return it at once. A ``Path`` or an open file is uploaded."""
        flow = job_flows.submit(self.site, task, arguments, self._options)
        return AsyncJob(self, await self.run(flow))

    async def submit_many(
        self, task: str, arguments: Arguments
    ) -> AsyncIterator[AsyncJob | Exception]:
        """Submit many jobs; yield each, or why it was refused, in order."""
        flow = submit_many(Bulk(self.site, task, self._options))
        async for one in self._driver.each(flow, arguments):
            data = {"id": one.job_id, "task": task, "args": one.line.args}
            yield one.problem or AsyncJob(self, data)

    def map(
        self,
        task: str,
        arguments: Arguments,
        *,
        ordered: bool = True,
        return_exceptions: bool = False,
        window: int = 10_000,
        timeout: float | None = None,
    ) -> AsyncIterator[Any]:
        """Submit many jobs; yield their results. ``arguments`` may be asynchronous."""
        options = MapOptions(ordered, return_exceptions, window, timeout)
        mapper = Mapper(Bulk(self.site, task, self._options), options)
        return self._driver.each(mapper.flow(), arguments)

    def follow(self, after: str | None = None, task: str | None = None) -> AsyncIterator[AsyncJob]:
        """Yield each job that has ended, and each that will, in the order in which they end."""
        return self._jobs(feed.follow(self.site, after, task, to_come=True))

    async def latest_cursor(self) -> str:
        """Return the cursor behind the last job that has ended: what follows is to come."""
        return await self.run(feed.latest_cursor(self.site))

    def results(self, after: str | None = None, task: str | None = None) -> AsyncIterator[AsyncJob]:
        """Yield each job that has ended, as ``follow`` does, and stop with the last."""
        return self._jobs(feed.follow(self.site, after, task, to_come=False))

    async def job(self, job_id: str) -> AsyncJob:
        """Return a job."""
        return AsyncJob(self, await self.run(job_flows.read(self.site, job_id)))

    def jobs(self, **filters: Any) -> AsyncIterator[AsyncJob]:
        """Yield jobs, newest first; the filters are those of the API, such as ``status``.

        A list leaves arguments and results out, unless ``include=["args", "result"]`` asks for
        them; ``refresh`` reads all of a job.
        """
        return self._jobs(job_lists.jobs(self.site, filters))

    async def tasks(self) -> list[Task]:
        """Return the tasks that can be submitted."""
        return await self.run(catalog.tasks(self.site))

    async def upload(
        self, file: Path | str | IO[bytes], *, name: str | None = None
    ) -> dict[str, Any]:
        """Send a file; return the upload, which a file argument takes as ``{"upload": id}``."""
        return await self.run(uploads.upload(self.site, file, name))

    async def request(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Send any other request; return the JSON of the answer, None for an empty one."""
        return await self.run(catalog.other(self.site, method, path, body, query))

    async def _jobs(self, flow: Any) -> AsyncIterator[AsyncJob]:
        async with aclosing(self._driver.each(flow)) as found:
            async for data in found:
                yield AsyncJob(self, data)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.site.url!r})"
