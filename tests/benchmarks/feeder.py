"""Hands in jobs as fast as they are worked off (``python -m tests.benchmarks.feeder``).

Never more than a few hundred wait, so the rate is the one that holds. It runs until it is killed.
"""

from __future__ import annotations

import itertools
import time

import django

MOST_WAITING = 400
LOOK_EVERY = 100
PAUSE_SECONDS = 0.02


def main() -> None:
    """Feed."""
    django.setup()
    from jobs.models import Job
    from tests.benchmarks.place import Place
    from tests.benchmarks.systems import systems

    system = systems()[Place.here().system]
    waiting = Job.objects.filter(status="queued").order_by()
    for number in itertools.count():
        if number % LOOK_EVERY == 0:
            while waiting.count() > MOST_WAITING - LOOK_EVERY:
                time.sleep(PAUSE_SECONDS)
        system.enqueue("noop", f"e{number}")


if __name__ == "__main__":
    main()
