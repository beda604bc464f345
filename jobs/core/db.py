"""The database of the jobs: its connection, statements without the ORM, transactions, adapters."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from jobs.conf import get_conf

DATABASE_ERRORS: Final = (DatabaseError, InterfaceError)
"""All that Django raises for a database; ``database_faults.fault_of`` says what it means.

Their texts may name hosts and users: they are for the log alone.
"""

# For this transaction only: behind a pooler the connection serves another client afterwards.
LIMIT_IDLE_TRANSACTION: Final = "SELECT set_config('idle_in_transaction_session_timeout', %s, true)"


def connection() -> BaseDatabaseWrapper:
    """Return this thread's connection to the database that the jobs are written to."""
    return connections[router.db_for_write(_job_model())]


@cache
def _job_model() -> type[Model]:
    # Looked up once: several statements of each submission ask for the connection.
    return apps.get_model("jobs", "Job")


def can_send_many(db: BaseDatabaseWrapper) -> bool:
    """Whether several statements can be sent as one message (PostgreSQL's simple protocol)."""
    if db.vendor != "postgresql":
        return False
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return is_psycopg3 and not db.settings_dict["OPTIONS"].get("server_side_binding")


def run(
    db: BaseDatabaseWrapper, statement: str, parameters: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """Execute a hot statement; return its rows (an empty list if it returns none).

    On SQLite this bypasses Django's cursor, which converts each ``%s`` to ``?`` on every call and
    takes longer than SQLite needs for the statement. Where statements are observed (a test that
    counts them, ``DEBUG``) Django's cursor is used.

    Args:
        statement: SQL with ``%s`` for each parameter and no other percent sign.
        parameters: values as the driver takes them (see ``Adapter``).

    Raises:
        DatabaseError: Django's, with either cursor.
    """
    if db.vendor != "sqlite" or db.execute_wrappers or db.queries_logged:
        with db.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
    db.ensure_connection()
    db.validate_no_broken_transaction()
    with db.wrap_database_errors:
        rows: list[tuple[Any, ...]] = db.connection.execute(
            _question_marks(statement), parameters
        ).fetchall()
    return rows


def run_together(db: BaseDatabaseWrapper, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
    """Execute statements that return no rows: one message to PostgreSQL and one back.

    Args:
        statements: each with its parameters, as ``run`` takes them.

    Raises:
        DatabaseError: that of the first which failed.
    """
    if can_send_many(db):
        together = "; ".join(statement for statement, _ in statements)
        run(db, together, [value for _, parameters in statements for value in parameters])
        return
    for statement, parameters in statements:
        run(db, statement, parameters)


@lru_cache(maxsize=256)
def _question_marks(statement: str) -> str:
    return statement.replace("%s", "?")


@contextmanager
def write_transaction() -> Iterator[None]:
    """Open a transaction for the batch writer of a consumer.

    PostgreSQL aborts it when this process sends nothing for the length of a lease: a process that
    is frozen or loses its network in the middle would otherwise keep its locks for hours, and its
    jobs could not run elsewhere. (Do not use ``executemany`` inside: psycopg ends that with a
    flush, after which PostgreSQL 15 no longer applies the limit.)
    """
    db = connection()
    # Inside a caller's transaction (a test's) the limit would hold until that one ends.
    is_own = not db.in_atomic_block
    with transaction.atomic(using=db.alias):
        if is_own and db.vendor == "postgresql":
            with db.cursor() as cursor:
                limit = f"{get_conf().lease_seconds * 1000:.0f}"
                cursor.execute(LIMIT_IDLE_TRANSACTION, [limit])
        yield


class Adapter:
    """Converts Python values to what the driver of one connection takes.

    Django's fields do the same, but that takes a third of the time of a whole submission.
    """

    __slots__ = ("_ops", "_times", "uuid")

    def __init__(self, db: BaseDatabaseWrapper) -> None:
        self._ops = db.ops
        self._times: dict[datetime | None, Any] = {None: None}
        self.uuid = _unchanged if db.features.has_native_uuid_field else _hex

    def time(self, value: datetime | None) -> Any:
        """Adapt a time of the project's own kind (``core.times``); None stays None."""
        # Many rows of one statement hold the same times.
        if value not in self._times:
            self._times[value] = self._ops.adapt_datetimefield_value(value)
        return self._times[value]

    def json(self, value: Any) -> Any:
        """Adapt JSON data; None becomes SQL's NULL."""
        return None if value is None else self._ops.adapt_json_value(value, None)

    def key(self, value: Any) -> Any:
        """Adapt the primary key of a user, whatever type the project's user model has."""
        return self.uuid(value) if isinstance(value, uuid.UUID) else value


def as_time(value: datetime | str | None) -> datetime | None:
    """Convert a time from the driver to what the ORM would return.

    SQLite returns text, or through Django's converter a time without a zone: with USE_TZ in the
    zone of the connection (``TIME_ZONE`` in ``DATABASES``, usually UTC), otherwise in the
    project's.
    """
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if moment is None or moment.tzinfo is not None or not settings.USE_TZ:
        return moment
    return moment.replace(tzinfo=connection().timezone)


def as_uuid(value: uuid.UUID | str) -> uuid.UUID:
    """Convert a UUID from the driver; SQLite returns it as text."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def _unchanged(value: uuid.UUID) -> uuid.UUID:
    return value


def _hex(value: uuid.UUID) -> str:
    return value.hex
