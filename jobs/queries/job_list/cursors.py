"""The orders that a list of jobs can have, and where a page of it begins."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from jobs.core.times import aware, project_time
from jobs.models import Job

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)


class Sort(StrEnum):
    """The order of a list; each is that of an index, read from one of its ends."""

    NEWEST = "-id"
    OLDEST = "id"
    LAST_FINISHED = "-finished_at"
    FIRST_FINISHED = "finished_at"

    @property
    def column(self) -> str:
        """The column that decides; of jobs that finished at the same moment, the id."""
        return self.value.removeprefix("-")

    @property
    def descends(self) -> bool:
        """Whether the largest comes first."""
        return self.value.startswith("-")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last place of a page: the next one begins after it.

    ``finished_at`` is None in an order by ids.
    """

    id: uuid.UUID
    finished_at: datetime | None = None

    @classmethod
    def at(cls, job: Job, sort: Sort) -> Cursor:
        """Return the place of a job."""
        return cls(job.id, job.finished_at if sort.column == "finished_at" else None)

    @classmethod
    def behind_all_of(cls, moment: datetime, sort: Sort) -> Cursor:
        """Return the place after all jobs that finished at this moment."""
        return cls(_FIRST if sort.descends else _LAST, moment)

    @classmethod
    def read(cls, text: str, sort: Sort) -> Cursor:
        """Return the cursor that ``str`` has written for this order.

        Raises:
            ValueError: it was made up, or comes from another order.
        """
        if sort.column == "id":
            return cls(uuid.UUID(text))
        microseconds, separator, key = text.partition("-")
        if not (separator and microseconds.isascii() and microseconds.isdigit()):
            raise ValueError(text)
        try:
            moment = project_time(_EPOCH + timedelta(microseconds=int(microseconds[:18])))
        except OverflowError as error:
            raise ValueError(text) from error
        return cls(uuid.UUID(key), moment)

    def __str__(self) -> str:
        if self.finished_at is None:
            return str(self.id)
        return f"{(aware(self.finished_at) - _EPOCH) // timedelta(microseconds=1)}-{self.id.hex}"
