"""Values as the database driver takes them, for the hot statements.

Django's fields do the same, and take a third of the time of a whole submission for it.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ..models import Job
from .sql import GIVEN


class Adapter:
    """Adapts to one connection."""

    __slots__ = ("_ops", "_times", "uuid")

    def __init__(self, db: BaseDatabaseWrapper) -> None:
        self._ops = db.ops
        self._times: dict[datetime | None, Any] = {None: None}
        self.uuid = _itself if db.features.has_native_uuid_field else _hex

    def time(self, value: datetime | None) -> Any:
        """A time with a zone, or None."""
        # Many rows of a statement tell the same times.
        if value not in self._times:
            self._times[value] = self._ops.adapt_datetimefield_value(value)
        return self._times[value]

    def json(self, value: Any) -> Any:
        """JSON data; None is SQL's NULL."""
        return None if value is None else self._ops.adapt_json_value(value, None)

    def key(self, value: Any) -> Any:
        """A user's primary key, of whatever type it is."""
        return self.uuid(value) if isinstance(value, uuid.UUID) else value

    def turn(self, job: Job) -> list[Any]:
        """The parameters of ``NEXT_TURN`` for a job."""
        place = [job.queue, job.priority]
        if job.owner_id is None:
            return [*place, *place]
        return [*place, self.key(job.owner_id), *place]

    def given(self, job: Job) -> list[Any]:
        """The values of a new job's columns, in the order of ``GIVEN``."""
        row = {**vars(job), "id": self.uuid(job.id), "owner_id": self.key(job.owner_id)}
        row["args"], row["positional"] = self.json(job.args), self.json(job.positional)
        row["created_at"], row["run_after"] = self.time(job.created_at), self.time(job.run_after)
        return [row[name] for name in GIVEN]


def as_time(value: datetime | str | None) -> datetime | None:
    """Read a time as the driver gives it: SQLite's is a text in UTC."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value


def _itself(value: uuid.UUID) -> uuid.UUID:
    return value


def _hex(value: uuid.UUID) -> str:
    return value.hex
