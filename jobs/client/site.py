"""Where a site is, and what every request to it carries."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

API: Final = "/api/v1"
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Site:
    """A site and a token.

    Attributes:
        url: the address below which the API is, ending in ``/api/v1/``.
        token: the token; "" for none.
        retry_for: seconds for which a request that fails for now is sent again.
    """

    url: str
    token: str = ""
    retry_for: float = 60.0

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        credential = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {"User-Agent": "jobdesk-client", "Accept": "application/json", **credential}

    def __repr__(self) -> str:
        return f"Site({self.url!r})"  # a token is not for logs


def find_site(url: str | None, token: str | None, retry_for: float, allow_http: bool) -> Site:
    """Return the site that is meant.

    Args:
        url: its address, with the path that it is mounted below; None: ``JOBS_URL``.
        token: the token; None: ``JOBS_TOKEN``.
        retry_for: seconds for which a request that fails for now is sent again.
        allow_http: send the token to other machines as plain text, too.

    Raises:
        ValueError: the address or the token cannot be one, or the token would be sent to another
            machine as plain text.
    """
    url = os.environ.get("JOBS_URL", "") if url is None else url
    token = os.environ.get("JOBS_TOKEN", "") if token is None else token
    if not url:
        raise ValueError("Give the address of the site, or set JOBS_URL.")
    if token and not _TOKEN.fullmatch(token):
        raise ValueError("The token has characters that no token has, such as a line feed.")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is no address of a site, such as https://jobs.example.com.")
    if parts.username is not None:
        raise ValueError("Give the token by itself: an address with a user in it ends up in logs.")
    if parts.scheme == "http" and not (allow_http or _is_here(parts.hostname)):
        raise ValueError(
            f"{url} is plain HTTP: whoever is on the way could read the token. Use https, or give "
            "allow_http=True in a network of your own."
        )
    path = parts.path.rstrip("/").removesuffix(API)
    return Site(f"{parts.scheme}://{parts.netloc}{path}{API}/", token, retry_for)


def _is_here(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
