"""A database that cannot take a request is ``Unavailable``, with the seconds to wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError

from jobs.core.database_faults import is_temporary
from jobs.core.database_file import require_same_file
from jobs.core.lock_timeout import limited_lock_waits
from jobs.errors import Unavailable


@contextmanager
def operational_errors_as_unavailable() -> Iterator[None]:
    """Limit how long the block waits for locks, and turn OperationalError into ``Unavailable``.

    Raises:
        Unavailable: the database is locked, full or away, or its file was replaced.
        OperationalError: trying again would not help, as for a table that is missing.
    """
    require_same_file()
    try:
        with limited_lock_waits():
            yield
    except OperationalError as error:
        if not is_temporary(error):
            raise
        raise Unavailable("The database cannot take it now.", cause=str(error)) from error
