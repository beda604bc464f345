"""Fetch an address that a user gives, without access to the server's own network.

``fetch`` gets a page within limits of time and size. ``CheckedTransport`` is for tasks that need
an ``httpx.Client`` of their own. Nothing here needs Django.
"""

from .addresses import FetchRefused, Network, is_public, networks
from .fetch import FetchedPage, Limits, fetch
from .page import title_of
from .transport import CheckedTransport
from .urls import check_url

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
