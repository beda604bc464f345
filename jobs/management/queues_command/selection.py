"""The queues that a command line names."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from django.utils import timezone

from jobs.errors import UnknownQueue
from jobs.queries.stats import queue_stats, serving_consumers, takes_any_queue


def add_names(parser: argparse.ArgumentParser) -> None:
    """Declare one or more names of queues."""
    parser.add_argument("queues", nargs="+", metavar="NAME")


def require_queues(names: Sequence[str]) -> list[str]:
    """Return the names, each once.

    Raises:
        UnknownQueue: there is no such queue, and ``TASKS`` does not allow any name.
    """
    asked = list(dict.fromkeys(names))
    if not takes_any_queue():
        known = [one.name for one in queue_stats(serving_consumers(timezone.now()))]
        for name in asked:
            if name not in known:
                raise UnknownQueue(name, known)
    return asked
