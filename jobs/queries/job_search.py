"""Finding one job that a user may see, and jobs by the beginning of an id or a task's name."""

from __future__ import annotations

import re
import uuid
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import In

from jobs.catalog import all_tasks
from jobs.core.db import Adapter, connection
from jobs.models import Job
from jobs.models.job import may_see

from .stats import recorded_tasks

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

LARGE_COLUMNS: Final = ("args", "kwargs", "result")
"""Up to a megabyte each."""

_HEX: Final = re.compile(r"[0-9a-f]{1,32}")
_ALL_COLUMNS: Final = "SELECT * FROM jobs_job WHERE id = %s"


def visible_job(
    user: AbstractBaseUser | AnonymousUser, job_id: uuid.UUID, *, narrow: bool = False
) -> Job | None:
    """Return a job if this user may see it, as ``may_see`` has it.

    By hand, because clients that poll ask this more often than anything: to build the queryset
    takes several times as long as the database needs for the row.

    Args:
        user: who asks.
        job_id: the job's id.
        narrow: leave ``LARGE_COLUMNS`` in the database; they are read when they are used.
    """
    db = connection()
    statement = _narrow_columns() if narrow else _ALL_COLUMNS
    for job in Job.objects.using(db.alias).raw(statement, [Adapter(db).uuid(job_id)]):
        if may_see(user, job.id, job.owner_id, job.task, job.queue):
            return job
    return None


@cache
def _narrow_columns() -> str:
    fields = (field for field in Job._meta.concrete_fields if field.name not in LARGE_COLUMNS)
    columns = ", ".join(str(field.column) for field in fields)
    return f"SELECT {columns} FROM jobs_job WHERE id = %s"  # noqa: S608  (names of columns)


class Search(NamedTuple):
    """What a text finds: the jobs whose ids are between these, and those of these tasks."""

    ids: tuple[uuid.UUID, uuid.UUID] | None
    tasks: list[str]


def search_for(text: str) -> Search:
    """Return what a text finds: ids that begin with it, tasks whose name or title contains it.

    Names are looked up first, among the few that there are.
    """
    digits = text.replace("-", "").lower()
    ids = None
    if _HEX.fullmatch(digits):
        ids = uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))
    return Search(ids, _task_names(text.casefold()))


def matching_jobs(text: str) -> Q:
    """Return a condition: the id begins with the text, or the task's name or title contains it."""
    condition = Q(pk__in=[])
    ids, names = search_for(text)
    if ids is not None:
        condition |= Q(id__gte=ids[0], id__lte=ids[1])
    if len(names) == 1:
        return condition | Q(task=names[0])
    if names:
        # The newest jobs of several tasks are found faster by going through the ids than by
        # collecting all of theirs from the index and sorting them; COALESCE prevents the latter.
        return condition | Q(In(Coalesce(F("task"), Value("")), names))
    return condition


def _task_names(text: str) -> list[str]:
    """The tasks that have jobs and whose name or title contains the text."""
    tasks = all_tasks()
    titles = {name: tasks[name].title if name in tasks else "" for name in recorded_tasks()}
    return sorted(name for name, title in titles.items() if text in f"{name}\n{title}".casefold())
