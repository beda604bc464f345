"""Where a move stands: a table of the new database, written with each chunk, dropped at the end."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE: Final = "jobdesk_move"


@dataclass
class Position:
    """How far one table is copied.

    ``last`` is the key of the last copied row, ``digest`` the sum of the rows' hashes: a move that
    goes on compares it, because the old database may have changed since.
    """

    rows: int = 0
    last: str | None = None
    digest: int = 0
    done: bool = False


class MoveState:
    """Named JSON values in the new database."""

    def __init__(self, db: BaseDatabaseWrapper) -> None:
        self._db = db

    def exists(self) -> bool:
        """Whether a move to this database has begun and not ended."""
        return TABLE in self._db.introspection.table_names()

    def create(self) -> None:
        """Make the table; from now on this database belongs to the move."""
        self._run(f"CREATE TABLE {TABLE} (name varchar(250) PRIMARY KEY, value text NOT NULL)")

    def drop(self) -> None:
        """The move has ended."""
        self._run(f"DROP TABLE {TABLE}")

    def read(self, name: str) -> Any:
        """Return a value; None if there is none."""
        rows = self._run(f"SELECT value FROM {TABLE} WHERE name = %s", name)  # noqa: S608
        return json.loads(rows[0][0]) if rows else None

    def write(self, name: str, value: Any) -> None:
        """Set a value."""
        self._run(
            f"INSERT INTO {TABLE} (name, value) VALUES (%s, %s)"  # noqa: S608
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            json.dumps(value),
        )

    def position(self, table: str) -> Position:
        """Return how far a table is copied."""
        return Position(**(self.read(f"table {table}") or {}))

    def set_position(self, table: str, position: Position) -> None:
        """Set how far a table is copied."""
        self.write(f"table {table}", asdict(position))

    def _run(self, statement: str, *parameters: str) -> list[Any]:
        with self._db.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
