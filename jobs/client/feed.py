"""The results feed: jobs in the order in which they ended, each once, from any cursor on."""

from __future__ import annotations

from typing import Any, Final

from .effects import Emit, Flow, Request, pause
from .exchange import exchange, json_of
from .site import Site

WAIT: Final = 20
PAGE: Final = 1000
LATEST: Final = "latest"
"""The cursor of the last job that has ended: what follows is to come."""
_PAUSE: Final = 1.0


def page(
    site: Site, after: str | None, task: str | None, wait: int = 0, limit: int = PAGE
) -> Flow[dict[str, Any]]:
    """Read a page of the feed.

    Args:
        site: which.
        after: the cursor; None for the oldest job that is kept.
        task: only this task.
        wait: seconds to wait for the first job, where none has ended.
        limit: jobs on the page, at most.

    Raises:
        CursorExpired: what comes after it may have been deleted.
        Invalid: it is no cursor.
    """
    query = {"after": after, "task": task, "limit": limit}
    headers = {"Prefer": f"wait={wait}"} if wait else {}
    answer = yield from exchange(site, Request("GET", "results", query, headers, wait=wait))
    found: dict[str, Any] = json_of(site, answer)
    has_waited = not wait or "preference-applied" in answer.headers
    if not (has_waited or found["items"] or found["more"]):  # too many wait there
        yield from pause(_PAUSE)
    return found


def latest_cursor(site: Site) -> Flow[str]:
    """Return the cursor behind the last job that has ended."""
    found = yield from page(site, LATEST, None, limit=1)
    return str(found["next"])


def follow(site: Site, after: str | None, task: str | None, *, to_come: bool) -> Flow[None]:
    """Give each job that has ended; where ``to_come`` is true, also those that will."""
    cursor = after
    while True:
        found = yield from page(site, cursor, task, WAIT if to_come else 0)
        for item in found["items"]:
            yield Emit(item)
        cursor = found["next"]
        if not (to_come or found["more"]):
            return
