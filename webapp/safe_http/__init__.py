"""Fetch an address that a user gives, without access to the server's own network.

``fetch`` gets a page within limits of time and size. ``CheckedTransport`` is for tasks that need
an ``httpx.Client`` of their own. Nothing here needs Django.
"""

from jobs.core.safe_http.addresses import FetchRefused, Network, is_public, networks
from jobs.core.safe_http.transport import CheckedTransport
from jobs.core.safe_http.urls import check_url

from .fetch import FetchedPage, Limits, fetch
from .page import title_of

__all__ = [
    "CheckedTransport",
    "FetchRefused",
    "FetchedPage",
    "Limits",
    "Network",
    "check_url",
    "fetch",
    "is_public",
    "networks",
    "title_of",
]
