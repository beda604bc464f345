"""Two readers, of which one is always in a transaction: ``... .overlapping_readers``.

SQLite can restart its write-ahead log only when nobody reads from it. On a busy site somebody reads
at any moment; this is the worst case. It runs until it is killed.
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
