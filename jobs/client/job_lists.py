"""Lists of jobs, page by page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from .effects import Emit, Flow, Request
from .exchange import exchange, json_of
from .site import Site

_NEXT: Final = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')


def jobs(site: Site, filters: Mapping[str, Any]) -> Flow[None]:
    """Give jobs, newest first, as the filters of the API choose them."""
    query = {name: _text(value) for name, value in filters.items()}
    while True:
        answer = yield from exchange(site, Request("GET", "jobs", query))
        for item in json_of(site, answer)["items"]:
            yield Emit(item)
        found = _NEXT.search(answer.headers.get("link", ""))
        if found is None:
            return
        # The link's query alone: its host may be one that only the site's proxy knows.
        query = {name: values[-1] for name, values in parse_qs(urlsplit(found[1]).query).items()}


def _text(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list | tuple | set) else value
