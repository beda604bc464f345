"""Submits jobs as fast as they are processed (``python -m tests.benchmarks.submitter``).

Never more than a few hundred are queued, so the rate is sustainable. It runs until it is killed.
"""

from __future__ import annotations

import itertools
import time

import django

MOST_QUEUED = 400
CHECK_EVERY = 100
PAUSE_SECONDS = 0.02


def main() -> None:
    django.setup()
    from jobs.models import Job
    from tests.benchmarks.sandbox import Sandbox
    from tests.benchmarks.systems import systems

    system = systems()[Sandbox.from_environment().system]
    queued = Job.objects.filter(status="queued").order_by()
    for number in itertools.count():
        if number % CHECK_EVERY == 0:
            while queued.count() > MOST_QUEUED - CHECK_EVERY:
                time.sleep(PAUSE_SECONDS)
        system.enqueue("noop", f"e{number}")


if __name__ == "__main__":
    main()
