"""A database that cannot take a request is ``Unavailable``, with the seconds to wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from jobs.core.database_faults import Fault, fault_of, one_line, reconnect_after, retry_after
from jobs.core.database_file import require_same_file
from jobs.core.db import DATABASE_ERRORS
from jobs.core.lock_timeout import limited_lock_waits
from jobs.core.write_waits import limited_write_waits
from jobs.errors import Unavailable

AWAY: Final = "The database cannot take it now."
NO_WRITES: Final = "The database takes no writes now."


@contextmanager
def operational_errors_as_unavailable(*, sets_timeout: bool = True) -> Iterator[None]:
    """Limit how long the block waits for locks, and turn the database's faults into
    ``Unavailable``.

    Args:
        sets_timeout: as ``limited_write_waits`` takes it.

    Raises:
        Unavailable: the database is locked, full, away or read-only, or its file was replaced.
        DatabaseError: trying again would not help, as for a table that is missing.
    """
    require_same_file()
    try:
        with limited_lock_waits(), limited_write_waits(sets_timeout=sets_timeout):
            yield
    except DATABASE_ERRORS as error:
        seconds = retry_after(error)
        if seconds is None:
            raise
        reconnect_after(error)
        why = NO_WRITES if fault_of(error) is Fault.NO_WRITES else AWAY
        raise Unavailable(why, seconds, cause=one_line(error)) from error
