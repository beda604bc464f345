"""A task that uses the network, without giving anyone access to the server's own network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from django.conf import settings
from pydantic import Field, HttpUrl

from jobs import job
from jobs.errors import GiveUp

MAX_BYTES = 5 * 1024 * 1024
SECONDS = 30.0

PublicUrl = Annotated[
    HttpUrl, Field(title="URL", description="A public address, with http:// or https://.")
]


@dataclass(frozen=True)
class Page:
    """What was found at the address."""

    status: int
    seconds: float
    title: str
    size: int
    content_type: str
    url: str


@job(title="Fetch a URL", timeout=90)
def fetch_url(url: PublicUrl) -> Page:
    """Fetch a page and tell its status, the time it took, its title and its size.

    Only public addresses can be fetched. Redirects are followed; the size is that of the page
    after unpacking.
    """
    # Imported here: httpx takes a tenth of a second, which each start of the site would pay.
    from webapp.safe_http import FetchRefused, Limits, fetch, networks, title_of

    allowed = networks(getattr(settings, "FETCH_ALLOW_NETWORKS", ()))
    try:
        page = fetch(str(url), Limits(max_bytes=MAX_BYTES, seconds=SECONDS), allowed)
    except FetchRefused as error:
        raise GiveUp(str(error)) from error
    return Page(
        status=page.status,
        seconds=round(page.seconds, 3),
        title=title_of(page.body, page.content_type),
        size=len(page.body),
        content_type=page.content_type,
        url=page.url,
    )
