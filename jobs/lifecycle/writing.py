"""The transactions of a consumer's writer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import transaction

from ..conf import get_conf
from .sql import connection

# For this transaction only: behind a pooler the connection is somebody else's afterwards.
LIMIT_SILENCE: Final = "SELECT set_config('idle_in_transaction_session_timeout', %s, true)"


@contextmanager
def writing() -> Iterator[None]:
    """One transaction of a consumer's writer.

    PostgreSQL ends it when this process says nothing for a lease: one that is frozen, or cut off
    from the network, in the middle of it would otherwise keep its locks for hours, and with them
    its jobs from running elsewhere. (No ``executemany`` in it: psycopg ends that with a flush, and
    PostgreSQL 15 then forgets to watch.)
    """
    db = connection()
    with transaction.atomic(using=db.alias):
        if db.vendor == "postgresql":
            with db.cursor() as cursor:
                cursor.execute(LIMIT_SILENCE, [f"{get_conf().lease_seconds * 1000:.0f}"])
        yield
