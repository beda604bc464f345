"""Readers of which one is always in a transaction (``python -m tests.benchmarks.holders``).

SQLite can begin its write-ahead log anew only when nobody reads in it. A site whose pages are open
all day has someone who reads at any moment: this is the worst of it. Runs until it is killed.
"""

from __future__ import annotations

import itertools
import sqlite3
import time

import django

HOLD_SECONDS = 0.5
READERS = 2


def main() -> None:
    """Hold a read transaction on one connection until the other has begun the next."""
    django.setup()
    from django.conf import settings

    name = str(settings.DATABASES["default"]["NAME"])
    readers = [sqlite3.connect(name, isolation_level=None, timeout=30) for _ in range(READERS)]
    before = None
    for reader in itertools.cycle(readers):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM jobs_queue").fetchone()
        if before is not None:
            before.execute("COMMIT")
        before = reader
        time.sleep(HOLD_SECONDS)


if __name__ == "__main__":
    main()
