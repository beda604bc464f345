"""SQLite's write-ahead log, kept from growing without end.

A checkpoint copies the log into the database, but the log begins anew only when no reader is left
in it. With readers that overlap all the time that moment never comes (SQLite's documentation,
"Avoiding Excessively Large WAL Files"): two such readers grew it by 9 MB a second of full work.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from jobs.core.db import connection, run

logger = logging.getLogger("jobs")

MOST: Final = 64 * 1024 * 1024
"""Bytes. SQLite's own checkpoints keep it at a few MB as long as readers leave gaps."""
PATIENCE_MS: Final = 2000
"""New writers wait meanwhile, so it does not wait long for the last reader."""


def trim_log(most: int = MOST) -> bool:
    """Begin the log anew if it is over its size; whether that was tried."""
    db = connection()
    if db.vendor != "sqlite" or _size(str(db.settings_dict["NAME"])) <= most:
        return False
    [[before]] = run(db, "PRAGMA busy_timeout", [])
    # What can be copied without holding up anybody comes first.
    run(db, "PRAGMA wal_checkpoint(PASSIVE)", [])
    run(db, f"PRAGMA busy_timeout = {PATIENCE_MS}", [])
    try:
        [[busy, *_]] = run(db, "PRAGMA wal_checkpoint(TRUNCATE)", [])
    finally:
        run(db, f"PRAGMA busy_timeout = {before}", [])
    if busy:
        logger.warning("The database's log is large, and readers keep it: it is tried again.")
    return True


def _size(database: str) -> int:
    try:
        return Path(f"{database}-wal").stat().st_size
    except OSError:  # there is none: not in use, or in memory
        return 0
