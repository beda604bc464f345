"""Fetch what a user names without letting them reach into the server's own network.

``fetch`` gets a page within limits of time and size. ``CheckedTransport`` is for tasks that want
an ``httpx.Client`` of their own. It needs no Django.
"""

from .addresses import Network, Refused, is_public, networks
from .fetch import Answer, Limits, fetch
from .page import title_of
from .transport import CheckedTransport

__all__ = [
    "Answer",
    "CheckedTransport",
    "Limits",
    "Network",
    "Refused",
    "fetch",
    "is_public",
    "networks",
    "title_of",
]
