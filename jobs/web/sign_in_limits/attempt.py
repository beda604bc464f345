"""One attempt to sign in, and whether it may be made."""

from __future__ import annotations

import logging
import unicodedata
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest

from jobs.web.client_address import client_network

from . import counts
from .known_browser import known_browser

logger = logging.getLogger("jobs")

MOST_FAILURES: Final = {"browser": 10, "address": 50, "account": 10}
"""In a window of ``counts.WINDOW_SECONDS``. An office of many people has one address."""
MOST_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an attempt is counted by: pairs of a kind and which one, in the order of counting."""

    counted: tuple[tuple[str, str], ...]
    account: str
    now: float

    def begin(self) -> int | None:
        """Count the attempt; return in how many seconds to try again if it may not be made.

        It counts as a failure until ``give_back``: of many at once, none slips through.
        """
        for kind, value in self.counted:
            count, limit = counts.take(kind, value, self.now), MOST_FAILURES[kind]
            if count == limit + 1:
                shown = self.account[:MOST_SHOWN]
                logger.warning("Too many failed attempts to sign in by one %s: %r", kind, shown)
            if count > limit:
                return counts.seconds_left(self.now)
        return None

    def give_back(self) -> None:
        """Note that the attempt was no failure."""
        for kind, value in self.counted:
            counts.give_back(kind, value, self.now)


def attempt_of(request: HttpRequest, name: str, now: float) -> Attempt:
    """Return the attempt of this request.

    Args:
        request: brings the address and perhaps the cookie of a known browser.
        name: what was typed as the name of the account, whether there is such an account or not.
        now: the time, in seconds since 1970.
    """
    account = normalized(name)
    browser = known_browser(request, account)
    if browser is not None:
        return Attempt((("browser", browser),), account, now)
    address = client_network(request)
    by_address = (("address", address),) if address is not None else ()
    # The address first: who has reached its limit does not use up the limits of accounts.
    return Attempt((*by_address, ("account", account)), account, now)


def normalized(name: str) -> str:
    """Return a name in one form, so that capital letters make no other account of it."""
    return unicodedata.normalize("NFKC", name).casefold()
