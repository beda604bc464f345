"""Which jobs of the feed: all, or those of a user and of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.credentials import Credential
from jobs.core.db import Adapter, run

FEW: Final = 5000
"""Who has no more jobs than this is read by their own index. On SQLite that takes up to 10 ms a
statement; a window of the feed takes 75 ms, and a million jobs have fifty of them."""

# As an expression a column has no index: a window is read by its positions then, never by all jobs
# of a task or owner.
_WITHOUT_INDEX: Final = {
    "task": "task || ''",
    "queue": "queue || ''",
    "owner_id": "COALESCE(owner_id, owner_id)",
}
# Parameter: the value. Rows: (how many jobs have it, counted no further than is asked,).
_COUNT: Final = (
    "SELECT COUNT(*) FROM (SELECT 1 FROM jobs_job WHERE {column} = %s LIMIT {most}) AS n"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which jobs of the feed.

    Attributes:
        owner_id: only those of this user.
        everyone: those of all users; ``owner_id`` is not looked at.
        task: only those of this task; "" for all.
        limits: only those that this token is limited to; None for all.
    """

    owner_id: Any = None
    everyone: bool = False
    task: str = ""
    limits: Credential | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether some jobs are left out."""
        return bool(self.task) or not self.everyone or self.limits is not None

    def rare_column(self, db: BaseDatabaseWrapper) -> str:
        """Return the column by whose index its jobs are found, "" if it may have many."""
        for column, value in self._values(db).items():
            [(count,)] = run(db, _COUNT.format(column=column, most=FEW + 1), [value])
            if count <= FEW:
                return column
        return ""

    def conditions(self, db: BaseDatabaseWrapper, indexed: str) -> tuple[list[str], list[Any]]:
        """Return its conditions in SQL, and their parameters.

        Args:
            db: the database.
            indexed: the column whose index is to be used; "" for none.
        """
        values = self._values(db)
        names = (one if one == indexed else _WITHOUT_INDEX[one] for one in values)
        conditions, parameters = [f"{name} = %s" for name in names], list(values.values())
        for column, allowed in self._limited().items():
            marks = ", ".join(["%s"] * len(allowed))
            conditions.append(f"{_WITHOUT_INDEX[column]} IN ({marks})")
            parameters += sorted(allowed)
        return conditions, parameters

    def _limited(self) -> dict[str, frozenset[str]]:
        if self.limits is None:
            return {}
        found = {"task": self.limits.tasks, "queue": self.limits.queues}
        return {column: names for column, names in found.items() if names is not None}

    def _values(self, db: BaseDatabaseWrapper) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if not self.everyone:
            values["owner_id"] = Adapter(db).key(self.owner_id)
        if self.task:
            values["task"] = self.task
        return values
