"""The headers ``RateLimit`` and ``RateLimit-Policy``, of draft-ietf-httpapi-ratelimit-headers-10.

Both are lists of strings with parameters (RFC 9651): ``"minute";r=12;t=60``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jobs.errors import LimitState

NAMES: Final = "RateLimit RateLimit-Policy"
"""For the headers of an ``operations.Response``."""


def rate_limit_headers(limits: Sequence[LimitState]) -> dict[str, str]:
    """Return the headers that tell a client how much of each limit is left; none without any."""
    if not limits:
        return {}
    return {
        "RateLimit": ", ".join(map(_left, limits)),
        "RateLimit-Policy": ", ".join(map(_policy, limits)),
    }


def _left(limit: LimitState) -> str:
    reset = "" if limit.reset is None else f";t={limit.reset}"
    return f'"{limit.name}";r={limit.remaining}{reset}'


def _policy(limit: LimitState) -> str:
    unit = f';qu="{limit.unit}"' if limit.unit else ""
    window = "" if limit.window is None else f";w={limit.window}"
    return f'"{limit.name}";q={limit.quota}{unit}{window}'
