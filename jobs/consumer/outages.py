"""A task that met an outage of Jobdesk's own storage or database is not to blame for it."""

from __future__ import annotations

from typing import Final

from jobs.core.backoff import backoff_seconds
from jobs.lifecycle import Claim

FREE_ATTEMPTS: Final = 30
"""So many attempts cost nothing: with their pauses they last nearly two hours. Then the outage may
be no outage but wrong settings, and the job fails as others do."""
LONGEST_PAUSE: Final = 300.0
"""The longest pause, in seconds: so long a job may wait after the storage is back."""


def pause_of_outage(claim: Claim) -> float:
    """Return how many seconds a job waits that is handed back at no cost; 0 if it is to fail.

    With three attempts and the pauses between failures, a job that keeps a file would fail for good
    within ten seconds of an outage.
    """
    # Lost attempts and those before a retry count too: a claim does not tell them apart.
    free = claim.attempt - claim.failures
    return min(LONGEST_PAUSE, backoff_seconds(free)) if free <= FREE_ATTEMPTS else 0.0
