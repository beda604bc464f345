"""Writing rows into the new database, and saying which one it refuses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import DataError, IntegrityError, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .tables import AnyField, Row, Table, is_json

REFUSALS: Final = (DataError, IntegrityError)
"""What a database raises for a value that it cannot hold."""

# What these read is what psycopg writes; asking the field takes 1 us a value.
_UNCHANGED_ON_POSTGRES: Final = frozenset(
    {
        models.AutoField, models.BigAutoField, models.SmallAutoField, models.BooleanField,
        models.CharField, models.TextField, models.SlugField, models.EmailField, models.URLField,
        models.IntegerField, models.BigIntegerField, models.SmallIntegerField, models.FloatField,
        models.PositiveIntegerField, models.PositiveBigIntegerField, models.UUIDField,
        models.PositiveSmallIntegerField, models.DateTimeField, models.DateField,
    }
)  # fmt: skip


class RowWriter:
    """Writes rows of one table: by COPY on PostgreSQL, by INSERT on SQLite."""

    def __init__(self, db: BaseDatabaseWrapper, table: Table) -> None:
        self._db = db
        self._table = table.name
        self._columns = [str(field.column) for field in table.fields]
        self._adapt = [_adapter(db, field) for field in table.fields]
        self._changing = [
            (position, adapt) for position, adapt in enumerate(self._adapt) if adapt is not None
        ]

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows inside the caller's transaction.

        Raises:
            DatabaseError: Django's.
        """
        quote = self._db.ops.quote_name
        table, columns = quote(self._table), ", ".join(map(quote, self._columns))
        with self._db.cursor() as cursor:
            if self._db.vendor == "postgresql":
                statement = f"COPY {table} ({columns}) FROM STDIN"
                with self._db.wrap_database_errors, cursor.copy(statement) as copy:
                    for row in rows:
                        copy.write_row(self._prepared(row))
            else:
                marks = ", ".join(["%s"] * len(self._columns))
                statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
                cursor.executemany(statement, [self._prepared(row) for row in rows])

    def _prepared(self, row: Row) -> list[Any]:
        values = list(row)
        for position, adapt in self._changing:
            if values[position] is not None:
                values[position] = adapt(values[position])
        return values

    def find_refused(self, rows: Sequence[Row]) -> Row:
        """Return the first row that cannot be written, of rows that cannot all be written."""
        good, bad = 0, len(rows)
        while bad - good > 1:
            middle = (good + bad) // 2
            if self._is_refused(rows[good:middle]):
                bad = middle
            else:
                good = middle
        return rows[good]

    def _is_refused(self, rows: Sequence[Row]) -> bool:
        try:
            with transaction.atomic(using=self._db.alias):
                self.write(rows)
                transaction.set_rollback(True, using=self._db.alias)
        except REFUSALS:
            return True
        return False


def _adapter(db: BaseDatabaseWrapper, field: AnyField) -> Callable[[Any], Any] | None:
    if is_json(field) or (db.vendor == "postgresql" and type(field) in _UNCHANGED_ON_POSTGRES):
        return None
    return lambda value: field.get_db_prep_save(value, db)


def digest(rows: Sequence[Row]) -> int:
    """Return a number that other rows do not have, whatever their order.

    It tells whether the old database has changed, nothing else: 64 bits will do.
    """
    return sum(_hash(row) for row in rows) % 2**64


def _hash(row: Row) -> int:
    plain = tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
    return int.from_bytes(
        hashlib.blake2b(repr(plain).encode("utf-8", "replace"), digest_size=8).digest()
    )
