"""A task that uses the network, without giving anyone access to the server's own network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from django.conf import settings
from pydantic import AfterValidator, Field, HttpUrl

from jobs import job
from jobs.errors import GiveUp

if TYPE_CHECKING:
    from webapp.safe_http import Network

MAX_BYTES = 5 * 1024 * 1024
SECONDS = 30.0


def public_url(url: HttpUrl) -> HttpUrl:
    """Return the URL unchanged.

    Raises:
        ValueError: it can be seen before anything is sent that it will not be fetched.
    """
    from webapp.safe_http import FetchRefused, check_url

    try:
        check_url(str(url), _allowed())
    except FetchRefused as error:
        raise ValueError(str(error)) from error
    return url


def _allowed() -> tuple[Network, ...]:
    from webapp.safe_http import networks

    return networks(getattr(settings, "FETCH_ALLOW_NETWORKS", ()))


PublicUrl = Annotated[
    HttpUrl,
    Field(title="URL", description="A public address, with http:// or https://."),
    AfterValidator(public_url),
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

    Only public addresses can be fetched. Redirects are followed; the title is the one that a
    browser shows; the size is that of the page after unpacking.
    """
    # Imported here: httpx takes a tenth of a second, which each start of the site would pay.
    from webapp.safe_http import FetchRefused, Limits, fetch, title_of

    try:
        page = fetch(str(url), Limits(max_bytes=MAX_BYTES, seconds=SECONDS), _allowed())
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
