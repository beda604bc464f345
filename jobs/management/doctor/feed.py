"""The doctor's check that nothing holds back the results feed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from jobs.core.db import connection
from jobs.core.times import local
from jobs.feed import held_back_now, oldest_transaction

from .findings import Finding, problem


def results_feed(now: datetime) -> Iterator[Finding]:
    """Find a transaction that is left open on the server, in whatever database."""
    held = held_back_now(connection())
    if held is not None:
        since = local(held.since).isoformat(sep=" ", timespec="seconds")
        yield problem(
            f"The results feed is held back since {since} by an open transaction: "
            f"{oldest_transaction(connection())}.",
            hint="Its followers get what ended since then when that transaction has ended.",
        )
