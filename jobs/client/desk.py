"""A site, for ordinary code: each call blocks until it is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Self, Unpack

import httpx

from . import catalog, feed, job_flows, job_lists, uploads
from .arguments import Options
from .bulk import Bulk, Submitted, submit_many
from .catalog import Task
from .desk_options import GivenOptions, changed
from .driver import Driver
from .job import Job
from .mapping import MapOptions, Mapper
from .site import find_site


class Desk:
    """A site, and the user that a token belongs to. Threads may share one.

    Args:
        url: the site's address; None: ``JOBS_URL``.
        token: the token; None: ``JOBS_TOKEN``.
        retry_for: seconds for which a request is sent again while the site cannot be reached, or
            says that it can take nothing now; ``math.inf`` for as long as it takes.
        allow_http: send the token to other machines as plain text, too.
        http: what sends the requests, with proxies and certificates of one's own; who gives it
            closes it.

    Raises:
        ValueError: the address or the token cannot be one.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        retry_for: float = 60.0,
        allow_http: bool = False,
        http: httpx.Client | None = None,
    ) -> None:
        self._driver = Driver(find_site(url, token, retry_for, allow_http), http)
        self._options = Options()
        self.site = self._driver.site
        self.run = self._driver.run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def using(self, **options: Unpack[GivenOptions]) -> Self:
        """Return this desk with options for what is submitted: they are those of ``Options``."""
        return changed(self, options)

    def submit(self, task: str, /, **arguments: Any) -> Job:
        """Submit a job; return it at once.

        A ``Path``, or a file that is open in binary mode, is uploaded, and the job gets it.

        Raises:
            NotFound: there is no such task; ``nearest`` has the closest names.
            Invalid: the arguments do not fit; ``errors`` says which, and why.
            Forbidden: the user may not submit it.
            TooManyRequests: the queue is full, or a limit of the user is reached.
            Unavailable: the site could not be reached.
        """
        return Job(self, self.run(job_flows.submit(self.site, task, arguments, self._options)))

    def submit_many(
        self, task: str, arguments: Iterable[Mapping[str, Any]]
    ) -> Iterator[Job | Exception]:
        """Submit many jobs; yield each, in order, when it is recorded.

        ``arguments`` is read as the jobs are taken, so it may be endless. Where there is no room
        for more, this waits for it, for as long as it takes. A job that is refused keeps no other
        one out: in its place the error is yielded.
        """
        bulk = Bulk(self.site, task, self._options)
        for one in self._driver.each(submit_many(bulk), arguments):
            yield one.problem or self._recorded(task, one)

    def map(
        self,
        task: str,
        arguments: Iterable[Mapping[str, Any]],
        *,
        ordered: bool = True,
        return_exceptions: bool = False,
        window: int = 10_000,
        timeout: float | None = None,
    ) -> Iterator[Any]:
        """Submit many jobs; yield their results as they come.

        Args:
            task: the task.
            arguments: of each job; read as there is room, so it may be endless.
            ordered: in the order of the arguments; False: as the jobs end.
            return_exceptions: yield the error in the place of a result that there is none of;
                False: the first is raised, and the other jobs go on.
            window: unfinished jobs at a time, at most.
            timeout: seconds for all of it; None for as long as it takes.

        Raises:
            JobFailed: a job has failed, or was cancelled.
            Invalid: arguments do not fit.
            TimedOut: it has taken too long.
        """
        options = MapOptions(ordered, return_exceptions, window, timeout)
        mapper = Mapper(Bulk(self.site, task, self._options), options)
        return self._driver.each(mapper.flow(), arguments)

    def follow(self, after: str | None = None, task: str | None = None) -> Iterator[Job]:
        """Yield each job that has ended, and each that will, in the order in which they end.

        Args:
            after: the ``cursor`` of the last job that one has; ``"latest"`` for those that end
                after the first step of the iteration; None for all that are kept.
            task: only this task.

        Raises:
            CursorExpired: jobs after the cursor may have been deleted.
        """
        return self._jobs(feed.follow(self.site, after, task, to_come=True))

    def latest_cursor(self) -> str:
        """Return the cursor behind the last job that has ended: what follows is to come."""
        return self.run(feed.latest_cursor(self.site))

    def results(self, after: str | None = None, task: str | None = None) -> Iterator[Job]:
        """Yield each job that has ended, as ``follow`` does, and stop with the last."""
        return self._jobs(feed.follow(self.site, after, task, to_come=False))

    def job(self, job_id: str) -> Job:
        """Return a job.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        return Job(self, self.run(job_flows.read(self.site, job_id)))

    def jobs(self, **filters: Any) -> Iterator[Job]:
        """Yield jobs, newest first; the filters are those of the API, such as ``status``.

        A list leaves arguments and results out, unless ``include=["args", "result"]`` asks for
        them; ``refresh`` reads all of a job.
        """
        return self._jobs(job_lists.jobs(self.site, filters))

    def tasks(self) -> list[Task]:
        """Return the tasks that can be submitted."""
        return self.run(catalog.tasks(self.site))

    def upload(self, file: Path | str | IO[bytes], *, name: str | None = None) -> dict[str, Any]:
        """Send a file; return the upload, which a file argument takes as ``{"upload": id}``.

        Args:
            file: a path or an open file. A large one goes in pieces, and on after interruptions.
            name: its name; None for the one that it has.
        """
        return self.run(uploads.upload(self.site, file, name))

    def request(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Send any other request; return the JSON of the answer, None for an empty one.

        Args:
            method: such as ``GET``. Only GET, PUT and DELETE are tried again.
            path: below ``/api/v1/``.
            body: sent as JSON; None for none.
            query: the query's names and values.
        """
        return self.run(catalog.other(self.site, method, path, body, query))

    def _jobs(self, flow: Any) -> Iterator[Job]:
        for data in self._driver.each(flow):
            yield Job(self, data)

    def _recorded(self, task: str, one: Submitted) -> Job:
        return Job(self, {"id": one.job_id, "task": task, "args": one.line.args})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.site.url!r})"
