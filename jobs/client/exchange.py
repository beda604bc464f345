"""Sending a request until there is an answer: what is tried again, and for how long."""

from __future__ import annotations

import logging
import random
from typing import Any, Final

from .effects import Answer, ConnectionLost, Flow, Request, now, pause, send
from .errors import TEMPORARY, DeskError, UnexpectedAnswer, Untrusted, problem_of, unreachable
from .site import Site

logger = logging.getLogger("jobs.client")
FIRST_PAUSE: Final = 0.1
MAX_PAUSE: Final = 5.0
"""Seconds between two tries, where the site says nothing: doubled each time, up to this."""


class Patience:
    """How long to try again. What makes progress starts afresh.

    Args:
        seconds: since the first failure.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._tries = 0

    def renew(self) -> None:
        """Start afresh."""
        self._since, self._tries = None, 0

    def pause(self, failure: DeskError) -> Flow[None]:
        """Wait until it is worth trying again: as the site says, else longer each time.

        Raises:
            DeskError: ``failure``, when it is not, or the time is over.
        """
        if not isinstance(failure, TEMPORARY):
            raise failure
        time: float = yield from now()
        if self._since is None:
            self._since = time
        left = self._since + self._seconds - time
        asked = failure.retry_after
        seconds = _back_off(self._tries) if asked is None else asked
        if left <= 0 or (asked or 0) > left:
            raise failure
        if not self._tries:
            logger.warning("%s Trying again for up to %.0f s.", failure, left)
        self._tries += 1
        yield from pause(min(seconds, left))


def _back_off(tries: int) -> float:
    """Half of it by chance, so that clients do not come back all at once."""
    longest = min(FIRST_PAUSE * 2.0 ** min(tries, 30), MAX_PAUSE)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311


def exchange(site: Site, request: Request, patience: Patience | None = None) -> Flow[Answer]:
    """Send a request that can be repeated safely, until the site has answered it.

    Args:
        site: where to.
        request: the request.
        patience: for how long; by default as the site has it.

    Raises:
        DeskError: the site has refused it, or cannot take it for all that time.
    """
    patience = patience or Patience(site.retry_for)
    while True:
        try:
            answer = yield from attempt(site, request)
            return answer
        except TEMPORARY as failure:
            yield from patience.pause(failure)


def attempt(site: Site, request: Request) -> Flow[Answer]:
    """Send a request once.

    Raises:
        DeskError: the site has not taken it, or no answer came.
    """
    try:
        answer = yield from send(request)
    except ConnectionLost as lost:
        raise lost_error(site, lost) from lost
    if 200 <= answer.status < 300:
        return answer
    raise problem_of(answer)


def lost_error(site: Site, lost: ConnectionLost) -> DeskError:
    """Return the error of a request that no answer came to."""
    failure = unreachable(f"{site.url} did not answer: {lost}.")
    return failure if lost.may_help else Untrusted(0, failure.body)


def json_of(site: Site, answer: Answer) -> dict[str, Any]:
    """Return the JSON object of an answer.

    Raises:
        UnexpectedAnswer: it has none.
    """
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        detail = f"{site.url} answered something that is no JSON object: is a Jobdesk there?"
        raise UnexpectedAnswer(answer.status, {"detail": detail})
    return found


def fetch(site: Site, request: Request, patience: Patience | None = None) -> Flow[dict[str, Any]]:
    """Send a request that can be repeated safely; return the JSON object of the answer.

    Raises:
        DeskError: as ``exchange``.
    """
    answer = yield from exchange(site, request, patience)
    return json_of(site, answer)
