"""Whether a pooler, such as pgbouncer, is between this process and PostgreSQL."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper


def is_behind_pooler(db: BaseDatabaseWrapper) -> bool:
    """Return whether the server process of a connection is not the one that answered it at first.

    When a connection is made, PostgreSQL tells the client the process that serves it. A pooler
    tells a number of its own. Costs a query; False on another database.
    """
    if db.vendor != "postgresql":
        return False
    with db.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (serving,) = cursor.fetchone()
    return bool(serving != _told_at_connect(db))


def _told_at_connect(db: BaseDatabaseWrapper) -> int:
    driver = db.connection
    return int(driver.info.backend_pid)  # psycopg 3 and psycopg2 both have it
