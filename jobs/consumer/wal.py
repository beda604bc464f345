"""Keeps SQLite's write-ahead log from growing without end.

A checkpoint copies the log into the database, but the log begins anew only when no reader is left
in it. With readers that overlap all the time, that moment never comes (SQLite's documentation,
"Avoiding Excessively Large WAL Files"): two such readers grew it by 9 MB a second of full work.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from jobs.core.db import connection, run

logger = logging.getLogger("jobs")

MAX_BYTES: Final = 64 * 1024 * 1024
"""SQLite's own checkpoints keep the log at a few MB as long as readers leave gaps."""
WAIT_MS: Final = 2000
"""How long to wait for the last reader: new writers wait meanwhile."""


def trim_wal(max_bytes: int = MAX_BYTES) -> bool:
    """Begin the log anew if it is larger than ``max_bytes``; return whether that was tried."""
    db = connection()
    if db.vendor != "sqlite" or _size(str(db.settings_dict["NAME"])) <= max_bytes:
        return False
    [[before]] = run(db, "PRAGMA busy_timeout", [])
    # First copy what can be copied without holding up other connections.
    run(db, "PRAGMA wal_checkpoint(PASSIVE)", [])
    run(db, f"PRAGMA busy_timeout = {WAIT_MS}", [])
    try:
        [[busy, *_]] = run(db, "PRAGMA wal_checkpoint(TRUNCATE)", [])
    finally:
        run(db, f"PRAGMA busy_timeout = {before}", [])
    if busy:
        logger.warning("The database's log is large, and readers keep it. Trying again later.")
    return True


def _size(database: str) -> int:
    try:
        return Path(f"{database}-wal").stat().st_size
    except OSError:  # no log: not in use, or a database in memory
        return 0
