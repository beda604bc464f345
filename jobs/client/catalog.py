"""The tasks of a site, and requests that have no call of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from .arguments import encoded
from .effects import JSON, Flow, Request
from .errors import UnexpectedAnswer
from .exchange import attempt, exchange, fetch
from .site import Site

_SAFE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class Task:
    """A task.

    Attributes:
        name: what ``submit`` takes.
        title: what people call it.
        description: what it does.
        queue: the queue of its jobs.
        priority: of its jobs, -100 to 100.
        max_attempts: how often a job is tried.
        timeout: seconds that an attempt may take; None for no limit.
        executor: where it runs: ``thread`` or ``process``.
        permission: what its user needs, None for nothing.
        allowed: whether the token's user may submit it.
        schema: the JSON Schema of its arguments.
    """

    name: str
    title: str
    description: str
    queue: str
    priority: int
    max_attempts: int
    timeout: float | None
    executor: str
    permission: str | None
    allowed: bool
    schema: Mapping[str, Any]


_NAMES: Final = [one.name for one in fields(Task)]


def tasks(site: Site) -> Flow[list[Task]]:
    """Return the tasks that can be submitted."""
    found = yield from fetch(site, Request("GET", "tasks"))
    return [Task(**{name: one.get(name) for name in _NAMES}) for one in found["items"]]


def other(site: Site, method: str, path: str, body: Any, query: Mapping[str, Any]) -> Flow[Any]:
    """Send any request; return the JSON of the answer, None for an empty one.

    Raises:
        DeskError: the site has refused it, or no answer came.
    """
    content, headers = (b"", {}) if body is None else (encoded(body), {"Content-Type": JSON})
    request = Request(method.upper(), path.lstrip("/"), query, headers, content)
    repeats = exchange if request.method in _SAFE else attempt
    answer = yield from repeats(site, request)
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        detail = f"{site.url}{path} answered something that is no JSON."
        raise UnexpectedAnswer(answer.status, {"detail": detail}) from None
